import { expect, test } from "vitest";
import { limitSpan, moved } from "./limit_span";

test("the slider goes a quarter beyond what was measured, in round steps", () => {
  expect(limitSpan([20, 30], null)).toEqual({ from: 17.5, to: 32.5, step: 0.1, decimals: 1 });
  expect(limitSpan([0, 1_000_000], null)).toEqual({ from: -250_000, to: 1_250_000, step: 10_000, decimals: 0 });
});

test("it reaches the limit as it is, and a value that never moved has room too", () => {
  expect(limitSpan([20, 30], 80)).toMatchObject({ from: 17.5, to: 80 });
  expect(limitSpan([20, 30], -5)).toMatchObject({ from: -5, to: 32.6 });
  const still = limitSpan([21.5, 21.5], null);
  expect(still.from).toBeLessThan(21.5);
  expect(still.to).toBeGreaterThan(21.5);
  expect(limitSpan([0, 0], null)).toMatchObject({ from: -1, to: 1 });
});

test("where it resolves goes along with the limit", () => {
  expect(moved({ value: "73", clear: "70" }, "72.8")).toEqual({ value: "72.8", clear: "69.8" });
  expect(moved({ value: "73", clear: "" }, "60")).toEqual({ value: "60", clear: "" });
  expect(moved({ value: "", clear: "70" }, "60")).toEqual({ value: "60", clear: "70" });
});
