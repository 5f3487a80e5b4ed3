import { expect, test } from "vitest";
import { contextOf, dragged, gripAt } from "./ranger";

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;
const live = { from: NOW - 300_000, to: NOW };

test("five minutes stand in the hour that ends now, and the hour slides along", () => {
  const context = contextOf(live, NOW, null);
  expect(context).toEqual({ from: NOW - HOUR, to: NOW });
  const later = NOW + 5_000;
  expect(contextOf({ from: later - 300_000, to: later }, later, context)).toEqual({ from: later - HOUR, to: later });
});

test("a window that moves within its context does not move the context", () => {
  const context = { from: NOW - 2 * HOUR, to: NOW - HOUR };
  expect(contextOf({ from: NOW - 1.5 * HOUR, to: NOW - 1.4 * HOUR }, NOW, context)).toBe(context);
});

test("a window that leaves it, or grew out of proportion, gets another", () => {
  const context = { from: NOW - HOUR, to: NOW };
  const old = contextOf({ from: NOW - 30 * HOUR, to: NOW - 30 * HOUR + 300_000 }, NOW, context);
  expect(old.to).toBeLessThan(NOW - 29 * HOUR);
  expect(contextOf({ from: NOW - HOUR, to: NOW }, NOW, context)).toEqual({ from: NOW - 24 * HOUR, to: NOW });
  expect(contextOf({ from: NOW - 10_000, to: NOW }, NOW, context)).toEqual({ from: NOW - 900_000, to: NOW });
});

test("edges resize, the middle moves, elsewhere jumps; a narrow window is only moved", () => {
  const window = { from: 1_000, to: 2_000 };
  expect([995, 1_500, 2_004, 500].map((at) => gripAt(at, window, 10))).toEqual(["from", "middle", "to", "outside"]);
  expect(gripAt(1_000, window, 500)).toBe("middle");
});

test("nothing is dragged into the future, nor to nothing", () => {
  const start = { from: 8_000, to: 9_000 };
  expect(dragged("middle", start, 5_000, 10_000, 100)).toEqual({ from: 9_000, to: 10_000 });
  expect(dragged("to", start, 5_000, 10_000, 100)).toEqual({ from: 8_000, to: 10_000 });
  expect(dragged("from", start, 5_000, 10_000, 100)).toEqual({ from: 8_900, to: 9_000 });
});
