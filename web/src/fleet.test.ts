import { describe, expect, test } from "vitest";
import { sampleDevice } from "./device.sample";
import {
  byRecency,
  columnsOf,
  grouped,
  groupings,
  cutAtOrdinary,
  oddities,
  ownOf,
  sensorsOf,
  setsOf,
  sorted,
  withAsked,
  type Values,
} from "./fleet";
import { byImportance } from "./rank";
import type { Device } from "./types";

const device = (name: string, labels: Record<string, string> = {}, more: Partial<Device> = {}): Device =>
  sampleDevice({ id: `id-${name}`, name, labels, model: "Pi", address: "10.0.0.7", ...more });
const values = (name: string, of: Record<string, number>): Values =>
  Object.fromEntries(
    Object.entries(of).map(([sensor, value]) => [
      sensor,
      { device: `id-${name}`, sensor, unit: "", at: "", value, quality: "good" as const },
    ]),
  );

describe("the order", () => {
  const all = ["a", "b", "c", "d"].map((name) => device(name, {}, name === "d" ? { status: "offline" } : {}));
  const latest = { "id-a": values("a", { t: 20 }), "id-b": values("b", { t: -5 }), "id-d": values("d", { t: 30 }) };
  const order = (sort: string) =>
    sorted(all, sort, {
      latest,
      alarms: new Map([["id-c", []]]),
      odd: new Map(),
      seen: () => null,
      favourites: new Set(),
    })
      .map(({ name }) => name)
      .join("");
  test("by any value, either way; who has none is last", () => {
    expect([order("t"), order("-t")]).toEqual(["badc", "dabc"]);
  });
  test("a favourite is first in any order, and they stand in that order", () => {
    const order = (sort: string) =>
      sorted(all, sort, {
        latest,
        alarms: new Map(),
        odd: new Map(),
        seen: () => null,
        favourites: new Set(["id-c", "id-d", "id-gone"]),
      })
        .map(({ name }) => name)
        .join("");
    expect([order("name"), order("-name"), order("t")]).toEqual(["cdab", "dcba", "dcba"]);
  });
  test("by status: who is offline first, then who has an alert", () => {
    expect([order("status"), order("name"), order("-name")]).toEqual(["dcab", "abcd", "dcba"]);
  });
});

describe("unlike the others", () => {
  const fleet = Array.from({ length: 300 }, (_, i) => device(`s${i}`));
  const latest = Object.fromEntries(
    fleet.map(({ id }, i) => [
      id,
      values(id.slice(3), { temperature: 21 + Math.sin(i), humidity: 45 + Math.cos(i), uptime: i === 3 ? 1e9 : i }),
    ]),
  );
  latest["id-s77"] = values("s77", { temperature: 21.2, humidity: 12, uptime: 1 });
  test("the odd one of three hundred is first, with its reason", () => {
    const odd = oddities(fleet, latest);
    const [first] = sorted(fleet, "odd", { latest, alarms: new Map(), odd, seen: () => null, favourites: new Set() });
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
    expect(
      oddities(
        fleet.map((one) => ({ ...one, status: "offline" as const })),
        latest,
      ).size,
    ).toBe(0);
  });
});

test("columns are what most devices measure", () => {
  const fleet = ["a", "b", "c"].map((name) => device(name));
  const latest = {
    "id-a": values("a", { humidity: 1, temperature: 1, odd: 1 }),
    "id-b": values("b", { temperature: 1, humidity: 1 }),
    "id-c": values("c", { temperature: 1 }),
  };
  expect(columnsOf(setsOf(fleet, latest), 4, byImportance)).toEqual(["temperature", "humidity"]);
});

test("in a mixed fleet each kind that is worth it has a column of its own", () => {
  const weather = { temperature: 1, humidity: 1, pressure: 1, battery: 1, wind: 1 };
  const fleet = (weathers: number, computers: number, tanks: number) => [
    ...Array.from({ length: weathers }, (_, i) => [`w${i}`, weather] as const),
    ...Array.from({ length: computers }, (_, i) => [`c${i}`, { "cpu.used_pct": 1, "mem.used_pct": 1 }] as const),
    ...Array.from({ length: tanks }, (_, i) => [`t${i}`, { level: 1 }] as const),
  ];
  const of = (all: ReturnType<typeof fleet>) =>
    columnsOf(
      setsOf(
        all.map(([name]) => device(name)),
        Object.fromEntries(all.map(([name, one]) => [`id-${name}`, values(name, one)])),
      ),
      4,
      byImportance,
    );
  expect(of(fleet(24, 2, 0))).toEqual(["temperature", "humidity", "pressure", "battery"]);
  expect(of(fleet(10, 5, 0))).toEqual(["temperature", "humidity", "cpu.used_pct", "mem.used_pct"]);
  expect(of(fleet(10, 4, 0))).toEqual(["temperature", "humidity", "pressure", "cpu.used_pct"]);
  expect(of(fleet(20, 6, 5))).toEqual(["temperature", "humidity", "cpu.used_pct", "level"]);
  expect(of(fleet(0, 0, 3))).toEqual(["level"]);
  // Where there is room for three only, nobody is left out for the sake of one more of the same.
  const some = [...fleet(24, 0, 5), ...Array.from({ length: 8 }, (_, i) => [`p${i}`, { pressure: 1 }] as const)];
  expect(
    columnsOf(
      setsOf(
        some.map(([name]) => device(name)),
        Object.fromEntries(some.map(([name, one]) => [`id-${name}`, values(name, one as Record<string, number>)])),
      ),
      3,
      byImportance,
    ),
  ).toEqual(["temperature", "pressure", "level"]);
  expect(of([])).toEqual([]);
});

test("what one device alone measures is no column of the others, and on a phone each has its own", () => {
  const computer = { "cpu.used_pct": 1, "load.1m": 1, "load.5m": 1, "mem.used_pct": 1 };
  const all = { attic: { temperature: 21.5 }, pi: computer, roof: { "weather.temperature": 21.5 } };
  const latest = (of: Record<string, Record<string, number>>) =>
    Object.fromEntries(Object.entries(of).map(([name, one]) => [`id-${name}`, values(name, one)]));
  const of = (some: Record<string, Record<string, number>>, offline = "") =>
    columnsOf(
      setsOf(
        Object.keys(some).map((name) => device(name, {}, name === offline ? { status: "offline" } : {})),
        latest(some),
      ),
      4,
      byImportance,
    ).join(" ");
  expect(of(all)).toBe("cpu.used_pct mem.used_pct load.1m load.5m");
  expect(of({ pi: computer })).toBe("cpu.used_pct mem.used_pct load.1m load.5m");
  // Where nobody measures more than the others, nobody stands back.
  expect(of({ attic: all.attic, roof: all.roof })).toBe("temperature weather.temperature");
  expect(of({ attic: all.attic, cellar: all.attic, pi: computer })).toBe(
    "temperature cpu.used_pct mem.used_pct load.1m",
  );
  // Who is offline has no say while others measure.
  expect(of(all, "pi")).toBe("temperature weather.temperature");
  expect(of({ pi: computer }, "pi")).toBe("cpu.used_pct mem.used_pct load.1m load.5m");

  const own = (name: keyof typeof all) => ownOf(values(name, all[name]), ["temperature", "load.1m"], 3, byImportance);
  expect(own("pi")).toEqual(["load.1m", "cpu.used_pct", "mem.used_pct"]);
  expect(own("roof")).toEqual(["weather.temperature"]);
  expect(ownOf(undefined, ["temperature"], 3, byImportance)).toEqual([]);
});

test("drawn is what most rows have measured lately", () => {
  const at = (name: string, sensor: string, minute: number) => ({
    [sensor]: { ...values(name, { [sensor]: 1 })[sensor]!, at: new Date(minute * 60_000).toISOString() },
  });
  const latest = {
    "id-a": { ...at("a", "t", 1), ...at("a", "cpu", 20) },
    "id-b": { ...at("b", "t", 1), ...at("b", "load", 20) },
    "id-c": at("c", "load", 19),
  };
  const rows = ["a", "b", "c", "d"].map((name) => device(name));
  expect(byRecency(rows, latest, ["t", "cpu", "load"], 10 * 60_000)).toEqual(["load", "cpu", "t"]);
  expect(byRecency(rows, latest, ["t", "cpu", "load"], 30 * 60_000)).toEqual(["t", "cpu", "load"]);
});

test("where those begin that are like the others is said, also where all of them are", () => {
  const odd = (score: number) => ({ sensor: "t", value: 1, unit: "", usual: 2, score });
  const fleet = ["fav", "a", "b", "c", "d", "e"].map((name) => device(name));
  const cut = (found: Record<string, number>, devices = fleet) => {
    const { unlike, words, alike } = cutAtOrdinary(
      devices,
      new Map(Object.entries(found).map(([name, score]) => [`id-${name}`, odd(score)])),
    );
    return [unlike.map(({ name }) => name).join(" "), words, alike.length];
  };
  expect(cut({ a: 9, b: 4, c: 3 })).toEqual(["fav a b", "Like the others", 3]);
  expect(cut({ a: 3.9 })).toEqual(["", "No device is unlike the others", 6]);
  // What is offline shows an old value: it is neither like the others nor unlike them.
  const gone = fleet.map((one, i) => (i === 2 ? { ...one, status: "offline" as const } : one));
  expect(cut({ a: 9 }, gone)).toEqual(["fav a", "Like the others", 3]);
  expect(cutAtOrdinary(gone, new Map()).silent.map(({ name }) => name)).toEqual(["b"]);
  expect(cut({}, fleet.slice(0, 2))).toEqual(["", "Fewer than 5 devices: none stands out from the others", 2]);
});

test("groups by label, those without it last", () => {
  const fleet = [
    device("a", { site: "south" }),
    device("b"),
    device("c", { site: "north" }),
    device("d", { site: "south" }),
  ];
  expect(
    grouped(fleet, "site").map(({ value, devices }) => `${value} ${devices.map(({ name }) => name).join("")}`),
  ).toEqual(["north c", "south ad", "null b"]);
  expect(groupings(fleet)).toEqual(["status", "model", "site"]);
});

test("what a person asked for takes the place of the last columns, and stays where it is one already", () => {
  const columns = ["temperature", "humidity", "co2", "pressure"];
  expect(withAsked(columns, ["battery"], 4)).toEqual(["temperature", "humidity", "co2", "battery"]);
  expect(withAsked(columns, ["humidity"], 4)).toEqual(columns);
  expect(withAsked(columns, ["pressure", "battery"], 4)).toEqual(["temperature", "humidity", "pressure", "battery"]);
  expect(withAsked(["temperature"], ["battery"], 4)).toEqual(["temperature", "battery"]);
  expect(withAsked(columns, ["a", "b", "c", "d", "e"], 4)).toEqual(["a", "b", "c", "d"]);
  expect(withAsked(columns, [], 4)).toEqual(columns);
});

test("a list can be sorted by every sensor of the fleet, not only by those that are its columns", () => {
  const set = (...sensors: string[]) => ({ sensors, devices: 3, online: 3 });
  expect(sensorsOf([set("rssi", "temperature"), set("humidity", "temperature")], byImportance)).toEqual([
    "temperature",
    "humidity",
    "rssi",
  ]);
});
