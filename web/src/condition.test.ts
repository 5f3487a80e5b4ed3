import { describe, expect, test } from "vitest";
import { conditionOf, fieldsOf, KNOWN, limitUnit, typed, type Fields } from "./condition";
import type { Condition } from "./types";

describe("a condition as it is typed", () => {
  test("goes there and back", () => {
    const all: { [Type in Condition["type"]]: Extract<Condition, { type: Type }> } = {
      threshold: { type: "threshold", op: "<=", value: -3.5, clear: -2 },
      rate: { type: "rate", op: ">", value: 5, per: "60s", over: "5m", clear: 4 },
      increase: { type: "increase", op: ">", value: 5, over: "1d", clear: 4 },
      deviation: { type: "deviation", sigmas: 4, over: "1h", clear: null, least: 0.5 },
      average: { type: "average", op: ">", value: 5, over: "1h", clear: 4 },
      minimum: { type: "minimum", op: "<", value: 5, over: "1h", clear: null },
      maximum: { type: "maximum", op: ">=", value: 5, over: "1h", clear: null },
      stuck: { type: "stuck", least: 0.5, after: "2h" },
      seasonal: { type: "seasonal", sigmas: 4, least: 1, clear: 2 },
      difference: { type: "difference", other: "out", op: ">", value: 5, clear: 4, within: "1m" },
      all: {
        type: "all",
        parts: [
          { sensor: null, condition: { type: "threshold", op: ">", value: 30, clear: null } },
          { sensor: "hum", condition: { type: "rate", op: ">", value: 5, per: "60s", over: "5m", clear: null } },
        ],
        within: "5m",
      },
      any: {
        type: "any",
        parts: [
          { sensor: "hum", condition: { type: "stuck", least: 0, after: "1h" } },
          { sensor: null, condition: { type: "seasonal", sigmas: 4, least: null, clear: null } },
        ],
        within: "1m",
      },
      forecast: { type: "forecast", op: ">=", value: 100, within: "3d", over: "1d", clear: 95 },
      count: { type: "count", op: ">=", value: 3, clear: 2, condition: { type: "silence", after: "5m" } },
      silence: { type: "silence", after: "90s" },
      offline: { type: "offline", after: "5m" },
      source_failing: { type: "source_failing" },
      clock_off: { type: "clock_off", by: "30s" },
    };
    expect(new Set(Object.keys(all))).toEqual(KNOWN);
    for (const condition of Object.values(all)) expect(conditionOf(fieldsOf(condition))).toEqual({ condition });
  });
  test("says what is wrong, at its field", () => {
    const typed = <K extends Fields["type"]>(type: K, fields: Partial<Fields[K]>) => {
      const first = fieldsOf(null);
      const value = type === "silence" || type === "deviation" ? {} : { value: "5" };
      return conditionOf({ ...first, type, [type]: { ...first[type], ...value, ...fields } });
    };
    expect(typed("threshold", { value: "" })).toEqual({
      field: "condition.value",
      problem: "The limit must be a number.",
      isMissing: true,
    });
    expect(typed("rate", { per: "a minute" })).toEqual({
      field: "condition.per",
      problem: "Write the unit of time like 60s, 5m or 1h.",
      isMissing: false,
    });
    expect(typed("deviation", { over: "" })).toEqual({
      field: "condition.over",
      problem: "Write the window like 60s, 5m or 1h.",
      isMissing: true,
    });
    expect(typed("deviation", { sigmas: "" })).toEqual({
      field: "condition.sigmas",
      problem: "The number of deviations must be a number.",
      isMissing: true,
    });
    expect(typed("deviation", { clear: "5" })).toEqual({
      field: "condition.clear",
      problem: "“Resolves within” must be between 0 and the number of deviations.",
      isMissing: false,
    });
    expect(typed("deviation", { least: "-1" })).toEqual({
      field: "condition.least",
      problem: "The least difference must be 0 or more.",
      isMissing: false,
    });
    expect(typed("difference", {})).toEqual({
      field: "condition.other",
      problem: "Name the other sensor.",
      isMissing: true,
    });
    expect(typed("any", {})).toHaveProperty("field", "condition.parts[0].condition.value");
    expect(typed("stuck", { least: "-1" })).toHaveProperty("problem", "The band must be 0 or more.");
    expect(typed("seasonal", { clear: "9" })).toHaveProperty("field", "condition.clear");
    expect(typed("average", { op: "<", clear: "4" })).toHaveProperty("field", "condition.clear");
    expect(typed("silence", { after: "5" })).toEqual({
      field: "condition.after",
      problem: "Write the time of silence like 60s, 5m or 1h.",
      isMissing: false,
    });
    expect(typed("threshold", { clear: "6" })).toEqual({
      field: "condition.clear",
      problem: "“Resolves at” must be at or below the limit.",
      isMissing: false,
    });
    expect(typed("increase", { op: "<", clear: "4" })).toEqual({
      field: "condition.clear",
      problem: "“Resolves at” must be at or above the limit.",
      isMissing: false,
    });
    expect(typed("rate", { op: "<=", clear: "5" })).toHaveProperty("condition");
  });
  test("what another kind has is not looked at, and stays", () => {
    const fields = { ...fieldsOf({ type: "threshold", op: ">", value: 90, clear: 80 }), type: "deviation" as const };
    expect(conditionOf(fields)).toEqual({
      condition: { type: "deviation", sigmas: 4, over: "5m", clear: null, least: null },
    });
    expect(conditionOf({ ...fields, type: "threshold" })).toEqual({
      condition: { type: "threshold", op: ">", value: 90, clear: 80 },
    });
    expect(conditionOf({ ...fields, silence: { after: "?" } })).toHaveProperty("condition");
  });
});

describe("the unit beside a limit", () => {
  test("is that of the sensors, a rate by its time, and several are told", () => {
    expect(limitUnit(fieldsOf(null), ["Cel", "Cel"])).toEqual({ unit: "°C", mixed: null });
    expect(limitUnit({ ...fieldsOf(null), type: "rate" }, ["Cel"])).toEqual({ unit: "°C per 60s", mixed: null });
    expect(limitUnit(fieldsOf(null), [])).toEqual({ unit: "", mixed: null });
    expect(limitUnit(fieldsOf(null), ["Cel", "%", "1"]).mixed).toBe("These sensors have different units: none, %, °C");
  });
});

test("where a ready-made limit resolves follows the limit until a person says where that is", () => {
  const first = { op: ">" as const, value: "8", clear: "6", apart: -2 };
  const moved = typed(typed(typed(first, "value", ""), "value", "1"), "value", "19.5");
  expect(moved.clear).toBe("17.5");
  expect(typed(typed(moved, "clear", "10"), "value", "30").clear).toBe("10");
  expect(typed({ op: ">" as const, value: "8", clear: "6" }, "value", "30").clear).toBe("6");
});
