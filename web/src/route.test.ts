import { describe, expect, test } from "vitest";
import { between, DEFAULT_RANGE, exportHref, href, last, OVERVIEW, parse, resolve, type Route } from "./route";

const read = (address: string) => {
  const url = new URL(address, "http://hub");
  return parse(url.pathname, url.search);
};

describe("the address is the state", () => {
  const routes: Route[] = [
    OVERVIEW,
    { ...OVERVIEW, status: "offline", q: "pump 7 & co" },
    { ...OVERVIEW, q: "temperature<15 site=south", sort: "-temperature", group: "site" },
    { view: "device", id: "d1", sensors: [], range: DEFAULT_RANGE },
    { view: "device", id: "a/b c", sensors: ["temp", 'air, "x" %41'], range: last(3_600_000) },
    { view: "device", id: "d1", sensors: ["hum"], range: DEFAULT_RANGE, others: ["d2", "a,b/c"] },
    { view: "device", id: "d1", sensors: ["hum"], range: between(1_700_000_000_000, 1_700_000_060_000) },
    { view: "alerts", rule: "new", device: "greenhouse*", sensor: "temp" },
    { view: "alert", id: "alr_7" },
    { view: "webhooks", webhook: "w1" },
    { view: "hub" },
    { view: "missing", path: "/nope/x" },
  ];
  test.each(routes)("%j reads back as written", (route) => {
    expect(read(href(route))).toEqual(route);
  });
  test("the address promised in the documents works", () => {
    expect(read("/d/d1?m=temp,hum&from=now-1h&to=now")).toEqual({
      view: "device",
      id: "d1",
      sensors: ["temp", "hum"],
      range: { from: "now-1h", to: "now" },
    });
  });
  test("a window that makes no sense falls back to the default", () => {
    for (const range of ["from=now&to=now-1h", "from=soon&to=now", "from=9&to=3"]) {
      expect(read(`/d/d1?${range}`)).toMatchObject({ range: DEFAULT_RANGE });
    }
  });
  test("an unknown status is no filter", () => {
    expect(read("/?status=melted")).toMatchObject({ status: null });
  });
});

describe("the file of what is shown", () => {
  const device = (sensors: string[], range = DEFAULT_RANGE) =>
    ({ view: "device", id: "a/b c", sensors, range }) as const;
  test("names the device, its chosen sensors and the window of the click", () => {
    expect(exportHref(device(["temp", "a&b"]))).toBe(
      "/api/v1/export?format=csv&device=a%2Fb+c&sensor=temp&sensor=a%26b&from=now-5m&to=now",
    );
  });
  test("and the devices it is compared with, where one sensor is", () => {
    const others = ["d2", "d3"];
    expect(exportHref({ ...device(["temp"]), others })).toContain("device=a%2Fb+c&device=d2&device=d3&sensor=temp&");
    expect(exportHref({ ...device(["temp", "hum"]), others })).not.toContain("d2");
  });
  test("without a choice all sensors, and a paused window in epoch milliseconds", () => {
    const shown = new URLSearchParams(
      exportHref(device([], { from: "2023-11-14", to: "1700000060000" })).split("?")[1],
    );
    expect([shown.has("sensor"), shown.get("from"), shown.get("to")]).toEqual([
      false,
      "1699920000000",
      "1700000060000",
    ]);
  });
});

describe("windows", () => {
  test("relative to the time given", () => {
    expect(resolve(last(60_000), 100_000)).toEqual({ from: 40_000, to: 100_000, live: true });
  });
  test("absolute windows are paused", () => {
    expect(resolve(between(10, 20), 100)).toEqual({ from: 10, to: 20, live: false });
  });
});
