// The condition of a rule as it is typed, each kind with fields of its own, and what is wrong with it. PURE.

import { parseSpan, scale } from "./format";
import type { Condition, Op, SensorCondition } from "./types";
import type { Wrong } from "./wrong";

/**
 * A condition as it is typed: texts. Each kind has fields of its own, and keeps them while another one is looked at.
 */
export interface Fields {
  type: Condition["type"];
  /** `apart`: so far from the limit is where it resolves, until a person says where that is. */
  threshold: { op: Op; value: string; clear: string; apart?: number };
  rate: { op: Op; value: string; per: string; over: string; clear: string };
  increase: { op: Op; value: string; over: string; clear: string };
  deviation: { sigmas: string; over: string; least: string; clear: string };
  average: { op: Op; value: string; over: string; clear: string };
  minimum: { op: Op; value: string; over: string; clear: string };
  maximum: { op: Op; value: string; over: string; clear: string };
  stuck: { least: string; after: string };
  seasonal: { sigmas: string; least: string; clear: string };
  difference: { other: string; op: Op; value: string; within: string; clear: string };
  all: { parts: readonly PartFields[]; within: string };
  any: { parts: readonly PartFields[]; within: string };
  forecast: { op: Op; value: string; within: string; over: string; clear: string };
  /** `state`: of each device; until it is chosen the first that there is. */
  count: { op: Op; value: string; clear: string; state: Fields | null };
  silence: { after: string };
  offline: { after: string };
  source_failing: Record<string, never>;
  clock_off: { by: string };
}

/** Conditions about a device as a whole: no sensor is asked. */
export const OF_DEVICE: ReadonlySet<string> = new Set(["offline", "source_failing", "clock_off"]);

/** One of several conditions; without a sensor it is about the rule's. */
export interface PartFields {
  sensor: string;
  fields: Fields;
}

/** Conditions that may be joined. */
export const PARTS = { least: 2, most: 4 };

const OF_ONE: Fields = {
  type: "threshold",
  threshold: { op: ">", value: "", clear: "" },
  rate: { op: ">", value: "", per: "60s", over: "5m", clear: "" },
  increase: { op: ">", value: "", over: "5m", clear: "" },
  deviation: { sigmas: "4", over: "5m", least: "", clear: "" },
  average: { op: ">", value: "", over: "5m", clear: "" },
  minimum: { op: "<", value: "", over: "5m", clear: "" },
  maximum: { op: ">", value: "", over: "5m", clear: "" },
  stuck: { least: "0", after: "1h" },
  seasonal: { sigmas: "4", least: "", clear: "" },
  difference: { other: "", op: ">", value: "", within: "5m", clear: "" },
  all: { parts: [], within: "5m" },
  any: { parts: [], within: "5m" },
  forecast: { op: ">", value: "", within: "3d", over: "1d", clear: "" },
  count: { op: ">=", value: "2", clear: "", state: null },
  silence: { after: "5m" },
  offline: { after: "60s" },
  source_failing: {},
  clock_off: { by: "60s" },
};
/** The state of a device that is counted. */
export const stateOf = (fields: Fields): Fields => fields.count.state ?? { ...OF_ONE, type: "silence" };
/** Conditions that the form can show: each has its fields. A hub newer than this page may know more. */
export const KNOWN: ReadonlySet<string> = new Set(Object.keys(OF_ONE).filter((key) => key !== "type"));
export const PART: PartFields = { sensor: "", fields: OF_ONE };
const FIRST: Fields = {
  ...OF_ONE,
  all: { parts: [PART, PART], within: "5m" },
  any: { parts: [PART, PART], within: "5m" },
};
const text = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));

/** The fields of a rule to edit, or of a new one. */
export function fieldsOf(of: Condition | null): Fields {
  switch (of?.type) {
    case "threshold":
      return { ...FIRST, threshold: { op: of.op, value: text(of.value), clear: text(of.clear) } };
    case "rate":
      return {
        ...FIRST,
        type: "rate",
        rate: { op: of.op, value: text(of.value), per: of.per, over: of.over, clear: text(of.clear) },
      };
    case "increase":
      return {
        ...FIRST,
        type: "increase",
        increase: { op: of.op, value: text(of.value), over: of.over, clear: text(of.clear) },
      };
    case "deviation":
      return {
        ...FIRST,
        type: "deviation",
        deviation: { sigmas: text(of.sigmas), over: of.over, least: text(of.least), clear: text(of.clear) },
      };
    case "average":
    case "minimum":
    case "maximum":
      return {
        ...FIRST,
        type: of.type,
        [of.type]: { op: of.op, value: text(of.value), over: of.over, clear: text(of.clear) },
      };
    case "stuck":
      return { ...FIRST, type: "stuck", stuck: { least: text(of.least), after: of.after } };
    case "seasonal":
      return {
        ...FIRST,
        type: "seasonal",
        seasonal: { sigmas: text(of.sigmas), least: text(of.least), clear: text(of.clear) },
      };
    case "difference":
      return {
        ...FIRST,
        type: "difference",
        difference: {
          other: of.other,
          op: of.op,
          value: text(of.value),
          within: of.within ?? "5m",
          clear: text(of.clear),
        },
      };
    case "all":
    case "any": {
      const parts = of.parts.map(({ sensor, condition }) => ({ sensor: sensor ?? "", fields: fieldsOf(condition) }));
      return { ...FIRST, type: of.type, [of.type]: { parts, within: of.within ?? "5m" } };
    }
    case "forecast":
      return {
        ...FIRST,
        type: "forecast",
        forecast: { op: of.op, value: text(of.value), within: of.within, over: of.over, clear: text(of.clear) },
      };
    case "count":
      return {
        ...FIRST,
        type: "count",
        count: { op: of.op, value: text(of.value), clear: text(of.clear), state: fieldsOf(of.condition) },
      };
    case "silence":
    case "offline":
      return { ...FIRST, type: of.type, [of.type]: { after: of.after } };
    case "source_failing":
      return { ...FIRST, type: "source_failing" };
    case "clock_off":
      return { ...FIRST, type: "clock_off", clock_off: { by: of.by ?? "60s" } };
    case undefined:
      return FIRST;
    default:
      of satisfies never;
      // A hub newer than this page may know more kinds; the form is not opened for those (`KNOWN`).
      return FIRST;
  }
}

/** The condition that was typed, or what is wrong with it: said here in words, what is left over the hub says. */
export function conditionOf(fields: Fields): { condition: Condition } | (Wrong & { isMissing: boolean }) {
  try {
    return { condition: read(fields) };
  } catch (error) {
    if (error instanceof Mistake) return error.wrong;
    throw error;
  }
}

class Mistake extends Error {
  readonly wrong: Wrong & { isMissing: boolean };

  /** `isMissing`: nothing was typed there yet. */
  constructor(field: string, problem: string, isMissing = false) {
    super(problem);
    this.wrong = { field: `condition.${field}`, problem, isMissing };
  }
}

function read(fields: Fields): Condition {
  switch (fields.type) {
    case "threshold": {
      const { op, value, clear } = fields.threshold;
      return { type: "threshold", op, ...limitAndEnd(op, value, clear) };
    }
    case "rate": {
      const { op, value, per, over, clear } = fields.rate;
      return {
        type: "rate",
        op,
        ...limitAndEnd(op, value, clear),
        per: span("per", "unit of time", per),
        over: span("over", "window", over),
      };
    }
    case "increase": {
      const { op, value, over, clear } = fields.increase;
      return { type: "increase", op, ...limitAndEnd(op, value, clear), over: span("over", "window", over) };
    }
    case "deviation": {
      const { over, ...typed } = fields.deviation;
      return { type: "deviation", ...unusual(typed), over: span("over", "window", over) };
    }
    case "average":
    case "minimum":
    case "maximum": {
      const { op, value, over, clear } = fields[fields.type];
      return { type: fields.type, op, ...limitAndEnd(op, value, clear), over: span("over", "window", over) };
    }
    case "stuck": {
      const least = needed("least", "The band", fields.stuck.least);
      if (least < 0) throw new Mistake("least", "The band must be 0 or more.");
      return { type: "stuck", least, after: span("after", "time", fields.stuck.after) };
    }
    case "seasonal":
      return { type: "seasonal", ...unusual(fields.seasonal) };
    case "difference": {
      const { other, op, value, within, clear } = fields.difference;
      if (other.trim() === "") throw new Mistake("other", "Name the other sensor.", true);
      const name = other.trim();
      return {
        type: "difference",
        other: name,
        op,
        ...limitAndEnd(op, value, clear),
        within: span("within", "age", within),
      };
    }
    case "all":
    case "any": {
      const { parts, within } = fields[fields.type];
      return { type: fields.type, parts: parts.map(part), within: span("within", "age", within) };
    }
    case "forecast": {
      const { op, value, within, over, clear } = fields.forecast;
      return {
        type: "forecast",
        op,
        ...limitAndEnd(op, value, clear),
        within: span("within", "time", within),
        over: span("over", "window", over),
      };
    }
    case "count": {
      const { op, value, clear } = fields.count;
      const numbers = limitAndEnd(op, value, clear);
      if (!Number.isInteger(numbers.value)) throw new Mistake("value", "The number of devices must be a whole number.");
      if (numbers.clear !== null && !Number.isInteger(numbers.clear))
        throw new Mistake("clear", "“Resolves at” must be a whole number of devices.");
      return { type: "count", op, ...numbers, condition: within("condition", () => read(stateOf(fields))) };
    }
    case "silence":
    case "offline":
      return { type: fields.type, after: span("after", "time of silence", fields[fields.type].after) };
    case "source_failing":
      return { type: "source_failing" };
    case "clock_off":
      return { type: "clock_off", by: span("by", "difference", fields.clock_off.by) };
  }
}

function part({ sensor, fields }: PartFields, place: number) {
  const condition = within(`parts[${place}].condition`, () => read(fields));
  return { sensor: sensor.trim() || null, condition };
}

/** A condition inside another: what is wrong with it is said of its own fields. */
function within(place: string, inner: () => Condition): SensorCondition {
  try {
    return inner() as SensorCondition;
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    const { field, problem, isMissing } = error.wrong;
    throw new Mistake(field.replace(/^condition/, place), problem, isMissing);
  }
}

/** How far is too far, what is never too far, and where the alert ends. */
function unusual(typed: { sigmas: string; least: string; clear: string }) {
  const [sigmas, least, end] = [
    needed("sigmas", "The number of deviations", typed.sigmas),
    optional("least", "The least difference", typed.least),
    optional("clear", "“Resolves within”", typed.clear),
  ];
  if (end !== null && (end < 0 || end > sigmas))
    throw new Mistake("clear", "“Resolves within” must be between 0 and the number of deviations.");
  if (least !== null && least < 0) throw new Mistake("least", "The least difference must be 0 or more.");
  return { sigmas, least, clear: end };
}

/** The limit, and at which value on its good side the alert ends. */
function limitAndEnd(op: Op, value: string, clear: string): { value: number; clear: number | null } {
  const [limit, end] = [needed("value", "The limit", value), optional("clear", "“Resolves at”", clear)];
  const isAbove = op.startsWith(">");
  if (end !== null && (isAbove ? end > limit : end < limit))
    throw new Mistake("clear", `“Resolves at” must be at or ${isAbove ? "below" : "above"} the limit.`);
  return { value: limit, clear: end };
}

function needed(field: string, name: string, typed: string): number {
  const value = Number(typed);
  const isMissing = typed.trim() === "";
  if (isMissing || !Number.isFinite(value)) throw new Mistake(field, `${name} must be a number.`, isMissing);
  return value;
}

function optional(field: string, name: string, typed: string): number | null {
  if (typed.trim() === "") return null;
  const value = Number(typed);
  if (!Number.isFinite(value)) throw new Mistake(field, `${name} must be a number, or empty.`);
  return value;
}

function span(field: string, name: string, typed: string): string {
  if (parseSpan(typed.trim()) === null)
    throw new Mistake(field, `Write the ${name} like 60s, 5m or 1h.`, typed.trim() === "");
  return typed.trim();
}

/**
 * How the numbers of a condition are written, from the units of the sensors it watches;
 * several units are told, not chosen from.
 */
export function limitUnit(
  fields: Pick<Fields, "type" | "rate">,
  units: readonly string[],
): { unit: string; mixed: string | null } {
  const signs = [...new Set(units.map((unit) => scale(unit, 0).unit))].sort();
  if (signs.length > 1)
    return {
      unit: "",
      mixed: `These sensors have different units: ${signs
        .map((one) => one || "none")
        .slice(0, 5)
        .join(", ")}${signs.length > 5 ? ", …" : ""}`,
    };
  const [unit = ""] = signs;
  return { unit: fields.type === "rate" && unit !== "" ? `${unit} per ${fields.rate.per}` : unit, mixed: null };
}

/** A limit that is moved takes along where it resolves, as far as nobody has said where that is. */
export function typed<F extends Record<string, unknown>>(fields: F, key: string, text: string): F {
  const next = { ...fields, [key]: text };
  if (key === "clear") return { ...next, apart: undefined };
  const { apart } = fields;
  if (key !== "value" || typeof apart !== "number" || !Number.isFinite(apart) || text.trim() === "") return next;
  const value = Number(text);
  return Number.isFinite(value) ? { ...next, clear: String(Number((value + apart).toPrecision(12))) } : next;
}
