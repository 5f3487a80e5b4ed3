import { expect, test } from "vitest";
import { amountBuckets, SPOKEN, timesBelow, total } from "./amounts";

test("a window has some dozen bars", () => {
  const every = (hours: number) => amountBuckets(1_000_123, 1_000_123 + hours * 3_600_000).every;
  expect([0.1, 1, 2, 24, 24 * 7, 24 * 90, 24 * 1000].map(every)).toEqual(["10s", "1m", "5m", "1h", "1d", "1w", "1mo"]);
  expect(amountBuckets(1_234_567, 2_000_000).from).toBe(1_230_000);
});

test("decimals add up as a person adds them", () => {
  expect(total([0.1, 0.2])).toBe(0.3);
  expect(total([])).toBe(0);
});

test("every length has a name, and some bars have their time", () => {
  for (const hours of [0.1, 1, 3, 24, 24 * 30, 24 * 300, 24 * 900])
    expect(SPOKEN[amountBuckets(0, hours * 3_600_000).every]).toBeTruthy();
  expect(timesBelow(24)).toEqual([0, 6, 12, 18]);
  expect([timesBelow(1), timesBelow(2), timesBelow(0)]).toEqual([[0], [0], []]);
});
