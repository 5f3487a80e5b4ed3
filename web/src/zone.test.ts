import { afterEach, describe, expect, test } from "vitest";
import { axisTime, clock, stamp, when, zone as zoneText } from "./format";
import { ahead, choice, choose, hubZone, zone } from "./zone";

afterEach(() => {
  choice.value = "browser";
  hubZone.value = null;
});

describe("the time zone of the page", () => {
  const summer = Date.UTC(2026, 6, 1, 22, 30, 5);
  test("every way to write a time follows it", () => {
    hubZone.value = "Europe/Berlin";
    choose("hub");
    expect([clock(summer), stamp(summer), axisTime(summer, 60_000, summer)]).toEqual([
      "00:30:05",
      "2026-07-02 00:30:05",
      "00:30",
    ]);
    expect(axisTime(Date.UTC(2026, 6, 1, 22), 3_600_000, summer)).toBe("07-02");
    expect(zoneText(summer)).toBe("Europe/Berlin, UTC+02:00");
    choose("utc");
    expect([clock(summer), stamp(summer)]).toEqual(["22:30:05", "2026-07-01 22:30:05"]);
    expect(zoneText(summer)).toBe("UTC");
  });
  test("today is today there", () => {
    hubZone.value = "Asia/Kolkata";
    choose("hub");
    expect(when(Date.UTC(2026, 6, 1, 19), Date.UTC(2026, 6, 1, 20))).toBe("00:30:00");
    expect(when(Date.UTC(2026, 6, 1, 18), Date.UTC(2026, 6, 1, 20))).toBe("2026-07-01 23:30");
  });
  test("the clock change of a zone is at its moment", () => {
    const change = Date.UTC(2026, 9, 25, 1);
    expect([ahead(change - 1, "Europe/Berlin"), ahead(change, "Europe/Berlin")]).toEqual([7_200_000, 3_600_000]);
    expect(ahead(0, "America/St_Johns")).toBe(-12_600_000);
  });
  test("a hub that tells no zone, or one nobody knows, leaves times readable", () => {
    choose("hub");
    choose("browser");
    const own = zone();
    choose("hub");
    expect(zone()).toBe(own);
    hubZone.value = "Etc/UTC";
    expect(zone()).toBe("UTC");
    hubZone.value = "Mars/Olympus";
    expect(clock(Date.UTC(2026, 0, 1, 12))).toBe("12:00:00");
  });
});
