// Finding one device among many: what the search line means, in which order devices stand, what sets one apart. PURE.
//
//   temperature<15 site=south pump      all of it must be true: a value, a label, a piece of any name

import { scale } from "./format";
import { title } from "./names";
import { glob } from "./rule";
import type { Device, Latest } from "./types";
import { convert } from "./units";

/** The last values of one device, by sensor. */
export type Values = Readonly<Record<string, Latest>>;

type Op = "<" | "<=" | ">" | ">=" | "=" | "!=";

export type Term = { kind: "word"; text: string } | { kind: "compare"; name: string; op: Op; text: string; number: number | null; unit: string };

/** A number as people write it, with a unit or without: `15`, `15°C`, `2GiB`, `-3.5`. */
function numberOf(text: string): { number: number; unit: string } | null {
  const [, digits, unit] = /^([-−+]?\d+(?:[.,]\d+)?)\s*([^\d\s]{0,8})$/.exec(text) ?? [];
  return digits === undefined ? null : { number: Number(digits.replace("−", "-").replace(",", ".")), unit: unit ?? "" };
}

/** Units that people write apart from a number. */
const UNIT = "(?:°[CF]?|%|°|Ω|[kKMGTµm]?i?B(?:/s)?|[kMG]?bit/s|[kMGm]?(?:Hz|Wh?|VA|V|A)|[hkM]?Pa|K|m?bar|lx|pp[mb]|[µm]?g/m³|rpm|dBm?|ms|s|min|h|d)";
const OP = "(?:<=|>=|!=|<|>|=)";
/** A comparison with spaces in it, a name before an operator that has nothing behind it yet, or a word. */
const TERM = new RegExp(`[^\\s<>=!]+\\s*${OP}\\s*(?:[-−+]?\\d+(?:[.,]\\d+)?\\s+${UNIT}(?=\\s|$)|[^\\s<>=!][^\\s]*)|[^\\s<>=!]+(?=\\s*${OP}\\s*$)|\\S+`, "g");
const LONE = new RegExp(`^${OP}$`);
const COMPARISON = new RegExp(`^([^<>=!]+?)\\s*(${OP})\\s*(.+)$`);

export function parseFilter(q: string): Term[] {
  const words = q.replaceAll("≤", "<=").replaceAll("≥", ">=").replaceAll("≠", "!=").match(TERM) ?? [];
  return words.filter((word) => !LONE.test(word)).map((word) => {
    const [, name, op, text] = COMPARISON.exec(word) ?? [];
    const { number, unit } = (text === undefined ? null : numberOf(text)) ?? { number: null, unit: "" };
    // Larger and smaller is asked of numbers only.
    if (!name || !op || text === undefined || (number === null && op !== "=" && op !== "!=")) return { kind: "word", text: word.toLowerCase() };
    return { kind: "compare", name, op: op as Op, text, number, unit };
  });
}

/** Whether a filter can be answered only with the values of every device. */
export function asksValues(terms: readonly Term[]): boolean {
  return terms.some((term) => term.kind === "compare" && term.number !== null);
}

const plain = (text: string) => text.toLowerCase().replace(/[\s,]+/g, "");

/** Values of the sensors that are meant: by name, by what people call it, by glob, else by how it begins. */
function valuesOf(values: Values | undefined, name: string): Latest[] {
  const all = Object.values(values ?? {});
  const wanted = plain(name);
  const exact = all.filter(({ sensor }) => sensor.toLowerCase() === name.toLowerCase() || plain(title(sensor)) === wanted);
  if (exact.length > 0) return exact;
  return name.includes("*") ? all.filter(({ sensor }) => glob(name, sensor)) : all.filter(({ sensor }) => sensor.toLowerCase().startsWith(name.toLowerCase()) || plain(title(sensor)).startsWith(wanted));
}

const COMPARE: Record<Op, (a: number, b: number) => boolean> = {
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

function labelsOf(device: Device): [string, string][] {
  return [...Object.entries(device.labels), ["status", device.status], ["name", device.name], ["model", device.model ?? ""], ["version", device.version ?? ""]];
}

function holds(term: Term, device: Device, values: Values | undefined): boolean {
  if (term.kind === "word") {
    const text = [device.name, device.id, device.model ?? "", device.address ?? "", ...Object.entries(device.labels).map(([key, value]) => `${key}=${value}`), ...Object.keys(values ?? {})];
    return text.some((one) => one.toLowerCase().includes(term.text));
  }
  const { name, op, text, number, unit } = term;
  const labels = labelsOf(device).filter(([key]) => key.toLowerCase() === name.toLowerCase());
  if (labels.length > 0 && (op === "=" || op === "!=")) {
    const same = labels.some(([, value]) => glob(text.toLowerCase(), value.toLowerCase()));
    return same === (op === "=");
  }
  if (number !== null) {
    return valuesOf(values, name).some((one) => {
      const asked = convert(number, unit, scale(one.unit, 0).unit);
      return asked !== null && COMPARE[op](one.value, asked);
    });
  }
  // A label that it does not have at all is another one.
  return op === "!=";
}

export function matches(terms: readonly Term[], device: Device, values: Values | undefined): boolean {
  return terms.every((term) => holds(term, device, values));
}

/** A kind of device that makes up so much of a fleet, or more, has a column of its own. */
const KIND_LEAST = 1 / 10;

/**
 * Sensors worth a column: those most devices have, the more important ones. In a mixed fleet each kind of device that is worth it
 * has at least one of them.
 */
export function columnsOf(devices: readonly Device[], latest: Readonly<Record<string, Values>>, most: number, byImportance: (a: { sensor: string }, b: { sensor: string }) => number): string[] {
  const measuring = devices.map(({ id }) => Object.keys(latest[id] ?? {})).filter((sensors) => sensors.length > 0);
  const needed: string[] = [];
  for (let rest = measuring; rest.length > 0 && rest.length >= measuring.length * KIND_LEAST && needed.length < most; ) {
    const [sensor] = shared(rest, byImportance);
    needed.push(sensor!);
    rest = rest.filter((sensors) => !sensors.includes(sensor!));
  }
  const all = shared(measuring, byImportance);
  const more = all.filter((sensor) => !needed.includes(sensor)).slice(0, most - needed.length);
  return [...all.filter((sensor) => needed.includes(sensor) || more.includes(sensor)), ...needed.filter((sensor) => !all.includes(sensor))];
}

/** Sensors that most of these have. A few that lack one do not move its column; a sensor of few is no column of all. */
function shared(all: readonly (readonly string[])[], byImportance: (a: { sensor: string }, b: { sensor: string }) => number): string[] {
  const found = new Map<string, number>();
  for (const sensor of all.flat()) found.set(sensor, (found.get(sensor) ?? 0) + 1);
  const largest = Math.max(0, ...found.values());
  return [...found].filter(([, n]) => n * 2 >= largest).map(([sensor]) => ({ sensor })).sort(byImportance).map(({ sensor }) => sensor);
}

export interface Odd {
  sensor: string;
  value: number;
  unit: string;
  /** The middle of the others. */
  usual: number;
  /** How many times the usual spread away. */
  score: number;
}

/** With fewer devices there are no "others". */
const OTHERS_LEAST = 5;
/** Grow for ever, or differ by what a device is: being far from the others says nothing. */
const NOT_ALIKE = /uptime|total|_bytes$|errors$|cycles$/;

/** What sets each device apart most: the sensor whose value lies farthest from the middle of the others, by their spread. */
export function oddities(devices: readonly Device[], latest: Readonly<Record<string, Values>>): ReadonlyMap<string, Odd> {
  const bySensor = new Map<string, Latest[]>();
  for (const { id, status } of devices) {
    // What is offline shows an old value: that is another matter.
    if (status !== "online") continue;
    for (const one of Object.values(latest[id] ?? {})) {
      if (NOT_ALIKE.test(one.sensor) || !Number.isFinite(one.value)) continue;
      const all = bySensor.get(one.sensor);
      if (all) all.push(one);
      else bySensor.set(one.sensor, [one]);
    }
  }
  const found = new Map<string, Odd>();
  for (const [sensor, all] of bySensor) {
    if (all.length < OTHERS_LEAST) continue;
    const usual = median(all.map(({ value }) => value));
    const apart = all.map(({ value }) => Math.abs(value - usual));
    // The median of the distances is what one outlier, or three of ten, cannot move; the mean where most are equal.
    const spread = median(apart) * 1.4826 || (apart.reduce((sum, one) => sum + one, 0) / apart.length) * 1.2533;
    if (spread === 0) continue;
    for (const { device, value, unit } of all) {
      const score = Math.abs(value - usual) / spread;
      if (score > (found.get(device)?.score ?? 0)) found.set(device, { sensor, value, unit, usual, score });
    }
  }
  return found;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `name`, `status`, `seen`, `odd`, or a sensor; with `-` before it the other way round. */
export type Sort = string;

const byName = new Intl.Collator(undefined, { numeric: true });
const STATUS = ["offline", "online", "pending", "blocked"];

export interface Sorting {
  latest: Readonly<Record<string, Values>>;
  alarms: ReadonlyMap<string, readonly unknown[]>;
  odd: ReadonlyMap<string, Odd>;
  seen: (device: Device) => number | null;
}

/** Devices, which come by name, in another order; those without what is sorted by stand last, whichever way round. */
export function sorted(devices: readonly Device[], sort: Sort, { latest, alarms, odd, seen }: Sorting): Device[] {
  const down = sort.startsWith("-");
  const by = down ? sort.slice(1) : sort;
  const key = (device: Device): number | null => {
    switch (by) {
      case "status":
        return STATUS.indexOf(device.status) * 2 + (alarms.has(device.id) ? 0 : 1);
      case "seen":
        return seen(device);
      case "odd":
        return odd.has(device.id) ? -odd.get(device.id)!.score : null;
      default:
        return latest[device.id]?.[by]?.value ?? null;
    }
  };
  if (by === "name") return down ? [...devices].reverse() : [...devices];
  const rows = devices.map((device) => ({ device, key: key(device) }));
  // Stable: what is equal stays by name.
  rows.sort((a, b) => (a.key === null || b.key === null ? Number(a.key === null) - Number(b.key === null) : down ? b.key - a.key : a.key - b.key));
  return rows.map(({ device }) => device);
}

/** By what a list can be grouped: status, model, and every label that a device has. */
export function groupings(devices: readonly Device[]): string[] {
  const keys = new Set<string>();
  for (const device of devices) for (const key of Object.keys(device.labels)) keys.add(key);
  return ["status", "model", ...[...keys].filter((key) => key !== "status" && key !== "model").sort(byName.compare)];
}

export interface Group {
  value: string | null;
  devices: Device[];
}

/** Devices by a label, in the order they came; those without it last. */
export function grouped(devices: readonly Device[], by: string): Group[] {
  const found = new Map<string | null, Device[]>();
  for (const device of devices) {
    const value = by === "status" ? device.status : by === "model" ? device.model || null : (Object.hasOwn(device.labels, by) ? device.labels[by]! : null);
    const all = found.get(value);
    if (all) all.push(device);
    else found.set(value, [device]);
  }
  return [...found].map(([value, devices]) => ({ value, devices })).sort((a, b) => Number(a.value === null) - Number(b.value === null) || byName.compare(a.value ?? "", b.value ?? ""));
}

/** The search line with a label added, or without it where it was there: what a click on a label does. */
export function toggled(q: string, term: string): string {
  const words = q.trim().split(/\s+/).filter((word) => word !== "");
  return (words.includes(term) ? words.filter((word) => word !== term) : [...words, term]).join(" ");
}

/** Of values the largest are looked for more often than the smallest; of times the latest. */
export function firstWay(by: string): string {
  return ["name", "status", "odd"].includes(by) ? by : `-${by}`;
}
