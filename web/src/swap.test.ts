import { expect, test } from "vitest";
import { swappedAt } from "./swap";

const at = (second: number) => Date.UTC(2026, 0, 1, 0, 0, second);
const told = (second: number, heard: number | null) => ({
  at: new Date(at(second)).toISOString(),
  was: "hardware",
  last_seen: heard === null ? null : new Date(at(heard)).toISOString(),
});

test("new hardware begins with its first reading, not when a person said so", () => {
  const readings = [at(10), at(20), at(40), at(50)];
  const firstAfter = (heard: number) => readings.find((one) => one > heard) ?? null;
  const window = { from: at(0), to: at(60) };
  expect(swappedAt(told(45, 20), window, firstAfter)).toBe(at(40));
  expect(swappedAt(told(30, 20), window, firstAfter)).toBe(at(40));
  expect(swappedAt(told(55, 50), window, firstAfter)).toBe(at(55));
  expect(swappedAt(told(30, null), window, firstAfter)).toBe(at(30));
  // The window begins after it.
  expect(swappedAt(told(5, 2), { from: at(8), to: at(60) }, firstAfter)).toBe(at(5));
});
