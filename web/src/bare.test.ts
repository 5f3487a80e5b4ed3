import { expect, test } from "vitest";
import { bare } from "./bare";
import { columnsOf, grouped, setsOf, sorted } from "./fleet";
import { measured } from "./format";
import { ruleName } from "./alert";
import { initial, update } from "./state";
import type { Alert, Device } from "./types";

/** What a plain object has, or does, under these nobody put there. */
const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "__defineGetter__", "valueOf"];

const device = (id: string, labels: Record<string, string> = {}) =>
  ({ id, name: id, status: "online", model: null, labels }) as unknown as Device;

test("a record has what was put there and nothing else", () => {
  for (const name of NAMES) {
    const record = bare<number>();
    expect(record[name]).toBeUndefined();
    record[name] = 1;
    expect(bare(record)[name]).toBe(1);
    expect(Object.keys(record)).toEqual([name]);
  }
});

test.each(NAMES)("a sensor named %s is a sensor like others", (sensor) => {
  let state = update(initial({ view: "hub" }, 2_000), {
    kind: "readings",
    rows: [
      ["d", sensor, 2_000, 21.5],
      ["d", "t", 2_000, 1],
    ],
  });
  expect(state.latest["d"]![sensor]?.value).toBe(21.5);
  expect(Object.keys(state.latest["d"]!).sort()).toEqual([sensor, "t"].sort());
  state = update(state, { kind: "readings", rows: [["e", "t", 2_000, 2]] });
  expect(state.latest["e"]![sensor]).toBeUndefined();
  const devices = [device("d"), device("e")];
  expect(columnsOf(setsOf(devices, state.latest), 4, () => 0)).toContain(sensor);
  const order = sorted(devices, `-${sensor}`, {
    latest: state.latest,
    alarms: new Map(),
    odd: new Map(),
    seen: () => null,
    favourites: new Set(),
  });
  expect(order.map(({ id }) => id)).toEqual(["d", "e"]);
});

test.each(NAMES)("a unit, a rule or a label named %s is text", (name) => {
  expect(measured(1, name)).toBe(measured(1, "widgets").replace("widgets", name.slice(0, 16)));
  expect(ruleName({ rule: { id: "r", name } } as Pick<Alert, "rule">)).toBe(name);
  const labels = JSON.parse(`{"${name}":"x"}`) as Record<string, string>;
  const groups = grouped([device("a", labels), device("b")], name);
  expect(groups.map(({ value }) => value)).toEqual(["x", null]);
});
