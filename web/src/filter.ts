// The search line above the devices: what it means, and in words what of it means nothing here. PURE.
//
//   temperature<15 site=south pump      all of it must be true: a value, a label, a piece of any name

import type { Values } from "./fleet";
import { apart, clean, cleanName, exact, measured, scale } from "./format";
import { title } from "./names";
import { glob } from "./alert";
import type { Device, Latest } from "./types";
import { convert } from "./units";

type Op = "<" | "<=" | ">" | ">=" | "=" | "!=";
type Compare = { kind: "compare"; name: string; op: Op; text: string; number: number | null; unit: string };

/** `wrong`: it looks like a comparison and is none. */
type Term = { kind: "word"; text: string; wrong?: string } | Compare;

/** A number as people write it, with a unit or without: `15`, `15°C`, `2GiB`, `-3,5`. */
function numberOf(text: string): { number: number; unit: string } | null {
  const [, digits, unit] =
    /^([-−+]?(?:\d+(?:[.,]\d+)?|[.,]\d+))([^\d.,].{0,15})?$/.exec(text.replace(/\s+/g, "")) ?? [];
  return digits === undefined ? null : { number: Number(digits.replace("−", "-").replace(",", ".")), unit: unit ?? "" };
}

/** Units that people write apart from a number. */
const UNIT =
  "(?:°\\s?[CF]?|%(?:\\s?[rR][hH])?|Ω|[kKMGTµm]?i?B(?:/s)?|[kMG]?bit/s|[kMGm]?(?:Hz|Wh?|VA|V|A)|[hkM]?Pa|[CFK]|" +
  "m?bar|lx|pp[mb]|[µm]?g/m³|rpm|dBm?|ms|s|min|h|d|[cC]elsius|[fF]ahrenheit|[kK]elvin|percent)";
const OP = "(?:<=|>=|!=|<|>|=)";
const NUMBER = "[-−+]?(?:\\d+(?:[.,]\\d+)?|[.,]\\d+)";
/** A comparison with spaces in it, a name before an operator that has nothing behind it yet, or a word. */
const TERM = new RegExp(
  `[^\\s<>=!]+\\s*${OP}\\s*(?:${NUMBER}\\s+${UNIT}(?=\\s|$)|[^\\s<>=!][^\\s]*)|[^\\s<>=!]+(?=\\s*${OP}\\s*$)|\\S+`,
  "g",
);
const LONE = new RegExp(`^${OP}$`);
const COMPARISON = new RegExp(`^([^<>=!]+?)\\s*(${OP})\\s*(.+)$`);
/** Ways in which other languages write an operator. */
const WRITTEN: [RegExp, string][] = [
  [/≤|=</g, "<="],
  [/≥|=>/g, ">="],
  [/≠|<>/g, "!="],
  [/([^<>=!]|^)==(?!=)/g, "$1="],
];

export function parseFilter(q: string): Term[] {
  const words = WRITTEN.reduce((text, [way, op]) => text.replace(way, op), q).match(TERM) ?? [];
  return words
    .filter((word) => !LONE.test(word))
    .map((word) => {
      const [, name, op, text] = COMPARISON.exec(word) ?? [];
      if (!name || !op || text === undefined) return { kind: "word", text: word.toLowerCase() };
      const { number, unit } = numberOf(text) ?? { number: null, unit: "" };
      // Larger and smaller is asked of numbers only.
      if (number === null && op !== "=" && op !== "!=")
        return {
          kind: "word",
          text: word.toLowerCase(),
          wrong: `“${clean(text, 24)}” is not a number. Write for example ${clean(name, 32)}${op}15.5.`,
        };
      return { kind: "compare", name, op: op as Op, text, number, unit };
    });
}

/** Whether a filter can be answered only with the values of every device. */
export function asksValues(terms: readonly Term[]): boolean {
  return terms.some((term) => term.kind === "compare" && term.number !== null);
}

/** Of these sensors those whose values it compares: for each comparison the first that it can mean. */
export function compared(terms: readonly Term[], sensors: readonly string[]): string[] {
  const all = sensors.map((sensor) => ({ sensor }));
  return terms.flatMap((term) =>
    term.kind === "compare" && term.number !== null
      ? meant(all, term.name)
          .slice(0, 1)
          .map(({ sensor }) => sensor)
      : [],
  );
}

const plain = (text: string) => text.toLowerCase().replace(/[\s,]+/g, "");

const valuesOf = (values: Values | undefined, name: string): readonly Latest[] =>
  meant(Object.values(values ?? {}), name);

/** What is of the sensors that are meant: by name, by what people call it, by glob, else by how it begins. */
function meant<Of extends { sensor: string }>(all: readonly Of[], name: string): readonly Of[] {
  const wanted = plain(name);
  const same = all.filter(
    ({ sensor }) => sensor.toLowerCase() === name.toLowerCase() || plain(title(sensor)) === wanted,
  );
  if (same.length > 0) return same;
  return name.includes("*")
    ? all.filter(({ sensor }) => glob(name, sensor))
    : all.filter(
        ({ sensor }) => sensor.toLowerCase().startsWith(name.toLowerCase()) || plain(title(sensor)).startsWith(wanted),
      );
}

const COMPARE: Record<Op, (a: number, b: number) => boolean> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

function labelsOf(device: Device, name: string): string[] {
  const all = [
    ...Object.entries(device.labels),
    ["status", device.status],
    ["name", device.name],
    ["model", device.model ?? ""],
    ["version", device.version ?? ""],
  ] as const;
  return all.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** The limit in the unit of what was measured; null where it cannot be told in that. */
const limitIn = ({ number, unit }: Compare, of: Latest) => convert(number!, unit, scale(of.unit, 0).unit);

function holds(term: Term, device: Device, values: Values | undefined): boolean {
  if (term.kind === "word") {
    const text = [
      device.name,
      device.id,
      device.model ?? "",
      device.address ?? "",
      ...Object.entries(device.labels).map(([key, value]) => `${key}=${value}`),
      ...Object.keys(values ?? {}),
    ];
    return text.some((one) => one.toLowerCase().includes(term.text));
  }
  const { name, op, text, number } = term;
  const labels = labelsOf(device, name);
  if (labels.length > 0) {
    if (op === "=" || op === "!=")
      return labels.some((value) => glob(text.toLowerCase(), value.toLowerCase())) === (op === "=");
    if (labels.some((value) => value !== "" && COMPARE[op](Number(value), number!))) return true;
  }
  if (number !== null) {
    return valuesOf(values, name).some((one) => {
      const limit = limitIn(term, one);
      return limit !== null && COMPARE[op](one.value, limit);
    });
  }
  // A label that it does not have at all is another one.
  return op === "!=";
}

export function matches(terms: readonly Term[], device: Device, values: Values | undefined): boolean {
  return terms.every((term) => holds(term, device, values));
}

type Latests = Readonly<Record<string, Values>>;

/** So many sensors are named where the one that was asked for is not there. */
const NAMED = 4;

/**
 * What of it cannot be answered by any device, and how to write it; null if all of it can.
 * Values must be those of every device.
 */
export function misunderstood(terms: readonly Term[], devices: readonly Device[], latest: Latests): string | null {
  for (const term of terms) {
    const problem =
      term.kind === "compare"
        ? problemOf(term, devices, latest)
        : term.wrong && !devices.some((one) => holds(term, one, latest[one.id]))
          ? term.wrong
          : null;
    if (problem !== null) return problem;
  }
  return null;
}

function problemOf(term: Compare, devices: readonly Device[], latest: Latests): string | null {
  const { name, op, text, number, unit } = term;
  if (devices.some((device) => labelsOf(device, name).length > 0)) return null;
  const called = `“${clean(name, 32)}”`;
  const found = devices.flatMap((device) => valuesOf(latest[device.id], name));
  if (found.length === 0) {
    if (number === null) return `No device has a label called ${called}.`;
    const sensors = [...new Set(devices.flatMap((device) => Object.keys(latest[device.id] ?? {})))].sort();
    const near = sensors.filter((sensor) => `${sensor} ${title(sensor)}`.toLowerCase().includes(name.toLowerCase()));
    const offered = (near.length > 0 ? near : sensors).slice(0, NAMED).map((sensor) => cleanName(sensor, 32));
    const none = `No device has a sensor or label called ${called}.`;
    if (offered.length === 0) return none;
    if (near.length > 0) return `${none} Did you mean ${offered.join(", ")}?`;
    return `${none} There are ${offered.join(", ")}${sensors.length > NAMED ? " and others." : "."}`;
  }
  const [first] = found;
  const sensor = first!.sensor;
  if (number === null) {
    const example = `${clean(name, 32)}${op}${exact(Number(first!.value.toPrecision(3)))}`;
    return `“${clean(text, 24)}” is not a number. Write for example ${example}.`;
  }
  if (unit === "" || found.some((one) => limitIn(term, one) !== null)) return null;
  const { divisor, unit: own } = scale(first!.unit, first!.value);
  const example = `${clean(name, 32)}${op}${exact(Number((first!.value / divisor).toPrecision(2)))}${own}`;
  const how = own === "" ? "without a unit" : `in ${own}`;
  return `${title(sensor)} is measured ${how}, not in ${clean(unit, 16)}. Write for example ${example}.`;
}

/** Why nothing is found, where each part of it can be understood. */
export function whyNone(terms: readonly Term[], devices: readonly Device[], latest: Latests): string | null {
  const term = terms.find((one) => !devices.some((device) => holds(one, device, latest[device.id])));
  if (term === undefined)
    return terms.length > 1 ? "Each part of this is true of some device, but all of it of none." : null;
  if (term.kind === "word") return `No device has “${clean(term.text, 32)}” in its name, address, labels or sensors.`;
  const found =
    term.number === null
      ? []
      : devices
          .flatMap((device) => valuesOf(latest[device.id], term.name))
          .filter((one) => limitIn(term, one) !== null);
  if (found.length === 0) return null;
  const all = found.map(({ value }) => value);
  const [least, most, unit] = [Math.min(...all), Math.max(...all), found[0]!.unit];
  const decimals = apart([least, most], unit);
  const [from, to] = [measured(least, unit, decimals), measured(most, unit, decimals)];
  return `${title(found[0]!.sensor)} is ${least === most ? from : `between ${from} and ${to}`}.`;
}

/** The search line with a label added, or without it where it was there: what a click on a label does. */
export function toggled(q: string, term: string): string {
  const words = q
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "");
  return (words.includes(term) ? words.filter((word) => word !== term) : [...words, term]).join(" ");
}
