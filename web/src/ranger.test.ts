import { afterEach, expect, test } from "vitest";
import { axisTime } from "./format";
import { contextOf, dragged, gripAt, marksOf } from "./ranger";
import { choice, hubZone } from "./zone";

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

afterEach(() => {
  choice.value = "browser";
  hubZone.value = null;
});

test("what is named on the strip is a whole hour, day or month of the zone, and the name says all of it", () => {
  hubZone.value = "Europe/Berlin";
  choice.value = "hub";
  const now = Date.UTC(2026, 10, 29, 7, 23);
  const named = (length: number, most = 6) => {
    const { step, at } = marksOf({ from: now - length, to: now }, most, 0.04);
    return at.map((one) => axisTime(one, step, now));
  };
  expect(named(HOUR)).toEqual(["07:30", "07:40", "07:50", "08:00", "08:10", "08:20"]);
  expect(named(6 * HOUR)).toEqual(["03:00", "04:00", "05:00", "06:00", "07:00", "08:00"]);
  expect(named(24 * HOUR)).toEqual(["12:00", "18:00", "11-29", "06:00"]);
  expect(named(7 * 24 * HOUR)).toEqual(["11-23", "11-25", "11-27", "11-29"]);
  expect(named(30 * 24 * HOUR)).toEqual(["11-05", "11-12", "11-19", "11-26"]);
  expect(named(365 * 24 * HOUR)).toEqual(["2026-01", "2026-04", "2026-07", "2026-10"]);
  expect(named(1_825 * 24 * HOUR)).toEqual(["2023", "2024", "2025", "2026"]);
  // The clocks were changed in between: a day begins at midnight all the same.
  expect(
    marksOf({ from: Date.UTC(2026, 9, 22), to: Date.UTC(2026, 9, 28) }, 6, 0.04).at.map((at) =>
      new Date(at).getUTCHours(),
    ),
  ).toEqual([22, 22, 22, 23, 23]);
});
