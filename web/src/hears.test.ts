import { describe, expect, it } from "vitest";
import { ALL, hearsText, toTheMinute, waitText } from "./hears";

describe("what a webhook hears", () => {
  it("is not said where it is everything", () => {
    expect(hearsText(ALL)).toEqual([]);
  });

  it("is said in few words", () => {
    const quiet_hours = { days: ["sat", "sun"], from: "22:00", until: "07:00", zone: "UTC", critical_passes: true };
    expect(
      hearsText({
        least_severity: "critical",
        labels: { site: "south" },
        tags: { team: "x" },
        quiet_hours,
        repeat_every: "4h",
      }),
    ).toEqual([
      "critical alerts only",
      "of site=south, team=x",
      "quiet Sat, Sun 22:00 to 07:00 UTC, but for critical alerts",
      "again every 4h until acknowledged",
    ]);
  });

  it("ends with a minute", () => {
    expect(["07:00:00", "2026-12-01 07:00"].map(toTheMinute)).toEqual(["07:00", "2026-12-01 07:00"]);
  });

  it("counts what waits", () => {
    expect([0, 1, 3].map((waiting) => waitText(waiting, "07:00"))).toEqual([
      "Quiet until 07:00.",
      "1 waits until 07:00.",
      "3 wait until 07:00.",
    ]);
  });
});
