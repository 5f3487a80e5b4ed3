import { expect, test } from "vitest";
import { gauges, verdict } from "./health";
import type { Link } from "./types";

const link = (more: Partial<Link> = {}): Link => ({
  loss_pct: 0,
  rtt_ms: 3.2,
  clock_offset_ms: 1,
  clock_drift_ppm: null,
  spool_batches: 0,
  dropped_readings: 0,
  session_age_s: 60,
  ...more,
});
const NOW = Date.UTC(2026, 10, 22, 12);

test("a connection without trouble is one word of praise", () => {
  expect(verdict(link(), "online", NOW, NOW)).toEqual({ text: "Connection good", level: "" });
});

test("the worst comes first, with its cause", () => {
  const told = verdict(link({ loss_pct: 2, clock_offset_ms: -120_000 }), "online", NOW, NOW);
  expect(told).toEqual({ text: "Clock difference 2 min 00 s: set the device's clock (NTP)", level: "red" });
});

test("nothing is good while nothing is heard", () => {
  for (const stands of ["offline", "was online", "connecting", "blocked"] as const)
    expect(verdict(link(), stands, NOW - 3_600_000, NOW)).toMatchObject({ level: "off" });
  expect(verdict(link(), "offline", NOW - 3_600_000, NOW).text).toMatch(
    /^Not connected since \d\d:\d\d:\d\d\. The details below are from /,
  );
  expect(verdict(null, "offline", null, NOW).text).toBe("Never connected.");
});

test("there are always as many gauges, so that nothing below them moves", () => {
  expect(gauges(null)).toHaveLength(gauges(link()).length);
});
