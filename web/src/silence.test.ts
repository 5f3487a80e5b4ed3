import { describe, expect, it } from "vitest";
import { covered, silenceOf, type Typed } from "./silence";
import { choose } from "./zone";

const typed = (change: Partial<Typed>): Typed => ({
  rule: "",
  device: "",
  sensor: "",
  labels: {},
  from: "",
  span: "1h",
  until: "",
  weekly: null,
  comment: "",
  ...change,
});

describe("a silence that is typed", () => {
  it("is of everything, from now, for a span, when nothing else is said", () => {
    expect(silenceOf(typed({}))).toEqual({ device: "*", sensor: "*", labels: {}, comment: "", for: "1h" });
  });

  it("is planned ahead for some devices of one rule, and says why", () => {
    choose("utc");
    const planned = typed({
      rule: "rul_1",
      labels: { site: "south" },
      from: "2026-12-01T18:00",
      span: "",
      until: "2026-12-01T22:00",
      comment: " new boiler ",
    });
    expect(silenceOf(planned)).toEqual({
      rule: "rul_1",
      device: "*",
      sensor: "*",
      labels: { site: "south" },
      from: "2026-12-01T18:00:00.000Z",
      until: "2026-12-01T22:00:00.000Z",
      comment: "new boiler",
    });
  });

  it("comes again each week, in the zone that the page shows", () => {
    choose("utc");
    const weekly = { days: ["sat", "sun"], from: "22:00", until: "06:00" };
    expect(silenceOf(typed({ weekly, span: "365d" }))).toEqual({
      device: "*",
      sensor: "*",
      labels: {},
      comment: "",
      for: "365d",
      weekly: { ...weekly, zone: "UTC" },
    });
    expect(silenceOf(typed({ weekly: { ...weekly, days: [] } }))).toHaveProperty("field", "weekly.days");
  });

  it("names the field that is wrong", () => {
    expect(silenceOf(typed({ from: "soon" }))).toHaveProperty("field", "from");
    expect(silenceOf(typed({ span: "", until: "" }))).toHaveProperty("field", "until");
  });
});

it("over whom it is reads as a sentence", () => {
  expect(covered({ device: "*", sensor: "*", labels: { site: "south" } }, "*")).toBe(
    "all sensors of any device with site=south",
  );
  expect(covered({ device: "dev_1", sensor: "temp", labels: {} }, "shed")).toBe("temp of shed");
});
