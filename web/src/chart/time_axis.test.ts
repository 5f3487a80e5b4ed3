import { expect, test } from "vitest";
import { inside, TIME_STEPS } from "./time_axis";

/** The smallest step of which two marks stand so far apart, as uPlot chooses it. */
const stepOf = (window: number, width: number, apart: number) =>
  TIME_STEPS.find((step) => (width * step) / window >= apart)!;

test("five minutes on a phone are marked every two", () => {
  expect(stepOf(300_000, 262, 72)).toBe(120_000);
});

test("no window, of any width, is so far from the next step that it has no mark at all", () => {
  for (let window = 2_000; window < 5 * 365 * 86_400_000; window *= 1.07)
    for (const width of [190, 262, 500, 900]) expect(stepOf(window, width, 72)).toBeLessThanOrEqual(window);
});

test("what lies past the end is no mark", () => {
  expect(inside([5, 10, 11], 10)).toEqual([5, 10, null]);
});
