import { expect, it } from "vitest";
import { isNow, weeklyText } from "./weekly";

const night = { days: ["fri", "sat"], from: "22:00", until: "06:00", zone: "Europe/Berlin" };

it("a night belongs to the day on which it begins", () => {
  const at = (text: string) => isNow(night, Date.parse(text));
  expect(at("2027-01-08T20:59:00Z")).toBe(false);
  expect(at("2027-01-08T21:00:00Z")).toBe(true);
  expect(at("2027-01-10T04:59:00Z")).toBe(true);
  expect(at("2027-01-10T05:00:00Z")).toBe(false);
  expect(at("2027-01-11T04:00:00Z")).toBe(false);
});

it("hours within a day end on it, and a zone nobody knows has none", () => {
  const backup = { days: ["sun"], from: "02:00", until: "04:00", zone: "UTC" };
  expect(isNow(backup, Date.parse("2027-01-10T02:00:00Z"))).toBe(true);
  expect(isNow(backup, Date.parse("2027-01-10T04:00:00Z"))).toBe(false);
  expect(isNow(backup, Date.parse("2027-01-11T03:00:00Z"))).toBe(false);
  expect(isNow({ ...backup, zone: "Mars/Olympus" }, Date.parse("2027-01-10T02:00:00Z"))).toBe(false);
});

it("reads as people say it", () => {
  expect(weeklyText(night)).toBe("Fri, Sat 22:00 to 06:00 Europe/Berlin");
  expect(weeklyText({ ...night, days: ["mon", "tue", "wed", "thu", "fri"], zone: null })).toBe(
    "Mon to Fri 22:00 to 06:00",
  );
  expect(weeklyText({ ...night, days: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] })).toContain("every day");
});
