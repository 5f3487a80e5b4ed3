import { describe, expect, test } from "vitest";
import { asksValues, columnsOf, grouped, groupings, matches, oddities, parseFilter, sorted, toggled, type Values } from "./fleet";
import { byImportance } from "./rank";
import type { Device } from "./types";

const device = (name: string, labels: Record<string, string> = {}, more: Partial<Device> = {}): Device => ({
  id: `id-${name}`, name, hardware: null, status: "online", words: [], labels, model: "Pi", version: null, address: "10.0.0.7", clock_offset_ms: null, first_seen: "", last_seen: null, interval_ms: null, link: null,
  preview: [], sensors: 1, conflict: null, source_errors: [], more_source_errors: 0, notes: "", ...more,
});
const values = (name: string, of: Record<string, number>): Values =>
  Object.fromEntries(Object.entries(of).map(([sensor, value]) => [sensor, { device: `id-${name}`, sensor, unit: "", at: "", value, quality: "good" as const }]));
const found = (q: string, one: Device, of: Values) => matches(parseFilter(q), one, of);

describe("the search line", () => {
  const pump = device("pump-7", { site: "south", rack: "12" });
  const of = values("pump-7", { temperature: 14.5, "cpu.used_pct": 91, "mem.available_bytes": 3 * 2 ** 30 });
  test.each([
    ["temperature<15", true], ["temperature<14", false], ["temperature>=14.5", true], ["temperature=14.5", true], ["temperature!=14.5", false], ["temp<15", true], ["TEMPERATURE<15°C", true],
    ["temperature<15 site=south", true], ["temperature<15 site=north", false], ["site!=north", true], ["site=s*", true], ["rack=12", true], ["rack!=12", false], ["floor=2", false], ["floor!=2", false], ["floor!=two", true],
    ["cpu>90", true], ["cpu.used_pct>95", false], ["mem*>2GiB", true], ["memoryavailable>4GiB", false], ["pump", true], ["PUMP site=south", true], ["10.0.0", true], ["status=online", true], ["status=offline", false],
    ["site=", true], ["temperature < 15", true], ["temperature <14", false], ["temperature> 14", true], ["temperature <= 14.5 °C", true], ["temperature ≤ 14.5", true], ["temperature < 15 site = south", true], ["temperature < 15 pump", true], ["temperature < 15 site = north", false],
    ["mem* > 2 GiB", true], ["mem* > 4 GiB", false], ["cpu.used_pct = 91 %", true], ["site != north", true], ["temperature <", true], ["temperature < ", true], ["nothing <", false], ["<", true], ["temperature < 15 GiB/s2", false],
    ["site=sou", false], ["temperature<warm", false], ["temperature<-3", false], ["nothing>1", false], ["", true],
  ])("%s", (q, expected) => expect(found(q, pump, of)).toBe(expected));
  test.each([
    ["t<295K", false], ["t<295.2 K", true], ["t=71,6°F", true], ["t>70F", true], ["t<22.5", true], ["t<22.5C", true], ["t>5V", false], ["t>5parsec", true],
    ["up>1h", true], ["up>90min", true], ["up>2,5h", false], ["up>90m", true], ["up>1d", false], ["up=2h", true], ["up>5000", true],
    ["p>1bar", true], ["p>1014mbar", false], ["p<101,4kPa", true], ["u<13V", true], ["u<9000mV", false], ["mem>2GiB", true], ["mem>3GB", true], ["mem>2Gi", true], ["mem>3500MB", false], ["w>1,2kW", true], ["w>2k", false], ["wet>0.5%", true],
  ])("a unit is told in that of the sensor: %s", (q, expected) => {
    const units: Record<string, [number, string]> = { t: [22, "Cel"], up: [7_200, "s"], p: [1_013.25, "hPa"], u: [12.6, "V"], mem: [3.25e9, "By"], w: [1_500, "W"], wet: [45, "%[RH]"] };
    const of = Object.fromEntries(Object.entries(units).map(([sensor, [value, unit]]) => [sensor, { device: "id", sensor, unit, at: "", value, quality: "good" as const }]));
    expect(found(q, pump, of)).toBe(expected);
  });
  test("only what compares with a number needs every value", () => {
    expect([asksValues(parseFilter("pump site=south")), asksValues(parseFilter("pump t<5"))]).toEqual([false, true]);
  });
  test("a click on a label adds it, another takes it away", () => {
    expect(toggled("pump", "site=south")).toBe("pump site=south");
    expect(toggled("pump site=south", "site=south")).toBe("pump");
  });
});

describe("the order", () => {
  const all = ["a", "b", "c", "d"].map((name) => device(name, {}, name === "d" ? { status: "offline" } : {}));
  const latest = { "id-a": values("a", { t: 20 }), "id-b": values("b", { t: -5 }), "id-d": values("d", { t: 30 }) };
  const order = (sort: string) => sorted(all, sort, { latest, alarms: new Map([["id-c", []]]), odd: new Map(), seen: () => null }).map(({ name }) => name).join("");
  test("by any value, either way; who has none is last", () => {
    expect([order("t"), order("-t")]).toEqual(["badc", "dabc"]);
  });
  test("by status: who is offline first, then who has an alert", () => {
    expect([order("status"), order("name"), order("-name")]).toEqual(["dcab", "abcd", "dcba"]);
  });
});

describe("unlike the others", () => {
  const fleet = Array.from({ length: 300 }, (_, i) => device(`s${i}`));
  const latest = Object.fromEntries(fleet.map(({ id }, i) => [id, values(id.slice(3), { temperature: 21 + Math.sin(i), humidity: 45 + Math.cos(i), uptime: i === 3 ? 1e9 : i })]));
  latest["id-s77"] = values("s77", { temperature: 21.2, humidity: 12, uptime: 1 });
  test("the odd one of three hundred is first, with its reason", () => {
    const odd = oddities(fleet, latest);
    const [first] = sorted(fleet, "odd", { latest, alarms: new Map(), odd, seen: () => null });
    expect(first!.name).toBe("s77");
    expect(odd.get("id-s77")).toMatchObject({ sensor: "humidity", value: 12 });
    expect(odd.get("id-s77")!.usual).toBeCloseTo(45, 0);
  });
  test("one that stands still among many that all do is found, too", () => {
    const states = Object.fromEntries(fleet.map(({ id }, i) => [id, values(id.slice(3), { door: i === 42 ? 1 : 0 })]));
    expect([...oddities(fleet, states)].filter(([, { score }]) => score > 3).map(([id]) => id)).toEqual(["id-s42"]);
  });
  test("few devices have no others, equal ones no odd one, offline ones no say", () => {
    expect(oddities(fleet.slice(0, 4), latest).size).toBe(0);
    const same = Object.fromEntries(fleet.map(({ id }) => [id, values(id.slice(3), { t: 1 })]));
    expect(oddities(fleet, same).size).toBe(0);
    expect(oddities(fleet.map((one) => ({ ...one, status: "offline" as const })), latest).size).toBe(0);
  });
});

test("columns are what most devices measure", () => {
  const fleet = ["a", "b", "c"].map((name) => device(name));
  const latest = { "id-a": values("a", { humidity: 1, temperature: 1, odd: 1 }), "id-b": values("b", { temperature: 1, humidity: 1 }), "id-c": values("c", { temperature: 1 }) };
  expect(columnsOf(fleet, latest, 4, byImportance)).toEqual(["temperature", "humidity"]);
});

test("in a mixed fleet each kind that is worth it has a column of its own", () => {
  const weather = { temperature: 1, humidity: 1, pressure: 1, battery: 1, wind: 1 };
  const fleet = (weathers: number, computers: number, tanks: number) => [
    ...Array.from({ length: weathers }, (_, i) => [`w${i}`, weather] as const),
    ...Array.from({ length: computers }, (_, i) => [`c${i}`, { "cpu.used_pct": 1, "mem.used_pct": 1 }] as const),
    ...Array.from({ length: tanks }, (_, i) => [`t${i}`, { level: 1 }] as const),
  ];
  const of = (all: ReturnType<typeof fleet>) => columnsOf(all.map(([name]) => device(name)), Object.fromEntries(all.map(([name, one]) => [`id-${name}`, values(name, one)])), 4, byImportance);
  expect(of(fleet(24, 2, 0))).toEqual(["temperature", "humidity", "pressure", "battery"]);
  expect(of(fleet(10, 5, 0))).toEqual(["temperature", "humidity", "cpu.used_pct", "mem.used_pct"]);
  expect(of(fleet(10, 4, 0))).toEqual(["temperature", "humidity", "pressure", "cpu.used_pct"]);
  expect(of(fleet(20, 6, 5))).toEqual(["temperature", "humidity", "cpu.used_pct", "level"]);
  expect(of(fleet(0, 0, 3))).toEqual(["level"]);
  // Where there is room for three only, nobody is left out for the sake of one more of the same.
  const some = [...fleet(24, 0, 5), ...Array.from({ length: 8 }, (_, i) => [`p${i}`, { pressure: 1 }] as const)];
  expect(columnsOf(some.map(([name]) => device(name)), Object.fromEntries(some.map(([name, one]) => [`id-${name}`, values(name, one as Record<string, number>)])), 3, byImportance)).toEqual(["temperature", "pressure", "level"]);
  expect(of([])).toEqual([]);
});

test("groups by label, those without it last", () => {
  const fleet = [device("a", { site: "south" }), device("b"), device("c", { site: "north" }), device("d", { site: "south" })];
  expect(grouped(fleet, "site").map(({ value, devices }) => `${value} ${devices.map(({ name }) => name).join("")}`)).toEqual(["north c", "south ad", "null b"]);
  expect(groupings(fleet)).toEqual(["status", "model", "site"]);
});
