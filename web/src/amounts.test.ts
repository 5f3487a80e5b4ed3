import { expect, test } from "vitest";
import { amountBuckets, total } from "./amounts";

test("a window has some dozen bars", () => {
  const every = (hours: number) => amountBuckets(1_000_123, 1_000_123 + hours * 3_600_000).every;
  expect([0.1, 1, 2, 24, 24 * 7, 24 * 90, 24 * 1000].map(every)).toEqual(["10s", "1m", "5m", "1h", "1d", "1w", "1mo"]);
  expect(amountBuckets(1_234_567, 2_000_000).from).toBe(1_230_000);
});

test("decimals add up as a person adds them", () => {
  expect(total([0.1, 0.2])).toBe(0.3);
  expect(total([])).toBe(0);
});
