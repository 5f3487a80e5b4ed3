// How values, times and names are written on the page. PURE but for the time zone: the time of "now" is an argument.
//
// Text that a device chose (name, unit, sensor, label) is hostile: `clean` is the only way it reaches the screen.

import { bare } from "./bare";
import { SIGNS } from "./signs.gen";
import { ahead, wall, zone as zoneName } from "./zone";

/** Longest text of a device that is shown; a name is at most 64 bytes on the wire, HTTP push may carry more. */
const TEXT_LIMIT = 64;

// Bidirectional controls could reorder the words around a name; the others are invisible.
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this looks for.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** Device text as it may be shown: no control or direction characters, one line, bounded. */
export function clean(text: string, limit = TEXT_LIMIT): string {
  // Cutting before replacing bounds the work on a name of 10 kB; twice the limit leaves room for what is removed.
  const seen = [
    ...text
      .slice(0, limit * 4)
      .replace(UNSEEN, "")
      .trim(),
  ];
  return seen.length > limit ? `${seen.slice(0, limit - 1).join("")}…` : seen.join("");
}

/** Longest raw name that a tip shows. */
export const NAME_LIMIT = 300;

/**
 * A name that is too long is cut in its middle: long ones begin alike, and differ in their last label.
 * `limit` counts characters.
 */
export function cleanName(name: string, limit = TEXT_LIMIT): string {
  const seen = [...clean(name, NAME_LIMIT)];
  const end = limit >> 1;
  return seen.length > limit
    ? `${seen.slice(0, limit - end - 1).join("")}…${seen.slice(-end).join("")}`
    : seen.join("");
}

/** Line by line, each made harmless. */
export const cleanLines = (text: string): string =>
  text
    .split("\n")
    .map((line) => clean(line, 20_000))
    .join("\n");

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
const DECIMAL = ["", "k", "M", "G", "T", "P"];
const BYTES = new Set(["B", "B/s"]);
const PREFIXED = new Set(["Hz", "W", "Wh", "VA", "J", "bit", "bit/s", "Pa"]);
/** Agents send UCUM codes; people read signs. */
const signs = bare(SIGNS);
/** A unit that is nothing but one in brackets or braces. */
const BRACKETED = /^(?:\[([^[\]{}]*)\]|\{([^[\]{}]*)\})$/;
/** Long times in a readable unit: the first whose length fits the largest value twice. */
const TIMES: [unit: string, seconds: number][] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
];

interface Scale {
  divisor: number;
  unit: string;
}

function knownSign(unit: string): string | undefined {
  const found = BRACKETED.exec(unit);
  return signs[unit] ?? (found ? clean(found[1] ?? found[2]!, 16) : undefined);
}

/** How a unit is written; of a rate (`Cel/min`) what changes has its sign. */
function sign(unit: string): string {
  const known = knownSign(unit);
  if (known !== undefined) return known;
  const slash = unit.lastIndexOf("/");
  const head = slash > 0 ? knownSign(unit.slice(0, slash)) : undefined;
  return head === undefined ? clean(unit, 16) : head + clean(unit.slice(slash), 12);
}

/** One prefix for a whole axis: bytes by 1024, other prefixed units by 1000, seconds by the clock, the rest as sent. */
export function scale(unit: string, largest: number): Scale {
  const shown = sign(unit);
  const size = Math.abs(largest);
  if (shown === "s") {
    const [long, divisor] = TIMES.find(([, seconds]) => size >= 2 * seconds) ?? ["s", 1];
    return { divisor, unit: long };
  }
  const step = BYTES.has(shown) ? 1024 : PREFIXED.has(shown) ? 1000 : 0;
  if (step === 0) return { divisor: 1, unit: shown };
  const power = Math.max(0, Math.min(5, Math.floor(Math.log(Math.max(1, size)) / Math.log(step) + 1e-9)));
  return { divisor: step ** power, unit: (step === 1024 ? BINARY : DECIMAL)[power] + shown };
}

/** Decimals that make four significant digits. */
function mostDecimals(size: number): number {
  return size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 5;
}

/** Those of a number by itself: a large one that has few digits (1013.25) keeps them. */
function ownDecimals(size: number): number {
  const isShort = size >= 1000 && size < 1e6 && Number.isInteger(Number((size * 100).toPrecision(12)));
  return needed(size, isShort ? 2 : mostDecimals(size));
}

/** Of so many decimals, the ones that are not zeros at the end. */
function needed(size: number, most: number): number {
  return (/\.(\d*?)0*$/.exec(size.toFixed(most))?.[1] ?? "").length;
}

/** Decimals for numbers that stand together. */
export interface Decimals {
  /** As many as any of them has, where four significant digits allow it. */
  common: number;
  /** As many as tell them apart, whatever their size. */
  least: number;
}

const ANY: Decimals = { common: 0, least: 0 };

/**
 * The sign, the whole part grouped by a thin space (neither the English nor the continental comma), and the decimals.
 */
function written(value: number, text: string): string {
  const [whole = "0", fraction] = text.split(".");
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u2009") : whole;
  return (value < 0 && Number(text) !== 0 ? "−" : "") + grouped + (fraction ? `.${fraction}` : "");
}

/**
 * A number with three to four significant digits, or as many as its neighbours ask for;
 * never in exponent form below 10^15.
 */
export function digits(value: number, { common, least }: Decimals = ANY): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  // Nothing is nothing, however fine its neighbours are.
  if (size === 0) return "0";
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(2).replace("-", "−");
  // Where neighbours say how fine they are, what is finer is noise.
  const own = least > 0 && size >= 1000 ? least : ownDecimals(size);
  return written(value, size.toFixed(Math.max(least, Math.min(common, mostDecimals(size)), own)));
}

/** A number as a person typed it: a limit that is rounded is another limit. */
export function exact(value: number): string {
  const text = String(Number(Math.abs(value).toPrecision(12)));
  return /^[\d.]+$/.test(text) ? written(value, text) : digits(value);
}

/** Parts into which the spread of numbers is told apart: air pressure moves by a hectopascal in a thousand. */
const PARTS = 10;

/**
 * Decimals that all of these values need in that unit, so that each is told from the others,
 * and a number that changes keeps its width.
 */
export function commonDecimals(values: readonly (number | null | undefined)[], unit: string): Decimals {
  const found = apartBy(values, unit);
  // A share is seen as one of the whole: what is finer than four digits of it is noise.
  if (sign(unit) !== "%") return found;
  return { ...found, least: Math.min(found.least, mostDecimals(largestOf(values))) };
}

const largestOf = (values: readonly (number | null | undefined)[]) =>
  Math.max(0, ...values.map((value) => Math.abs(value ?? 0)));

function apartBy(values: readonly (number | null | undefined)[], unit: string, most = 6): Decimals {
  const known = values.filter(
    (value): value is number => value !== null && value !== undefined && Number.isFinite(value),
  );
  if (known.length === 0) return ANY;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const { divisor } = scale(unit, Math.max(Math.abs(low), Math.abs(high)));
  // Finer than they are themselves says nothing: what moves by tenths has one decimal.
  const own = Math.max(
    ...known.map((value) => /\.(\d+)/.exec(String(Number((value / divisor).toPrecision(12))))?.[1]?.length ?? 0),
  );
  const fine =
    high > low ? Math.max(0, Math.min(most, own, Math.ceil(-Math.log10((high - low) / divisor / PARTS) - 1e-9))) : 0;
  const size = (value: number, by: number) => Math.abs(value) / by;
  const least = Math.max(...known.map((value) => needed(size(value, divisor), fine)));
  return {
    common: Math.max(...known.map((value) => ownDecimals(size(value, scale(unit, value).divisor)))),
    // Where four digits do not do, all that tells them apart: what lies between is as fine as they are.
    // Whole numbers stay whole.
    least: least > 0 && size(Math.max(-low, high), divisor) >= 1000 ? fine : least,
  };
}

/** The same in a sentence, where zeros at the end say nothing, and however close they are. */
export function apart(values: readonly (number | null | undefined)[], unit: string): Decimals {
  return { ...apartBy(values, unit, 12), common: 0 };
}

/** Round marks of a value axis in the axis's one unit, all with the same number of decimals. */
export function valueTicks(
  unit: string,
  min: number,
  max: number,
  atLeast: number,
): { value: number; label: string }[] {
  const by = scale(unit, Math.max(Math.abs(min), Math.abs(max)));
  const wanted = atLeast / by.divisor;
  if (!(wanted > 0) || !Number.isFinite(wanted)) return [];
  const power = 10 ** Math.floor(Math.log10(wanted) + 1e-9);
  // A fifth closer than asked is no harm, twice as far apart is: of a few hectopascals one mark would be left.
  const step = ([1, 2, 5, 10].find((one) => one * power >= wanted * 0.79) ?? 10) * power;
  const decimals = Math.max(0, Math.min(9, -Math.floor(Math.log10(step) + 1e-9)));
  // The unit itself stands in the head of the chart; the marks need only what was divided away.
  const whole = scale(unit, 0).unit;
  // Of bytes all of it: "10 Ki" is no word.
  const short =
    whole !== "s" && !BYTES.has(whole) && by.unit.endsWith(whole) ? by.unit.slice(0, -whole.length) : by.unit;
  const prefix = by.divisor === 1 ? "" : `\u202f${short}`;
  const ticks: { value: number; label: string }[] = [];
  for (
    let i = Math.ceil(min / by.divisor / step - 1e-6);
    i * step <= (max / by.divisor) * (1 + 1e-9) + 1e-12 && ticks.length < 32;
    i++
  ) {
    const shown = i * step;
    const text = decimals === 0 ? digits(Math.round(shown)) : shown.toFixed(decimals).replace("-", "−");
    ticks.push({ value: shown * by.divisor, label: i === 0 && prefix !== "" ? "0" : text + prefix });
  }
  return ticks;
}

/** A value and its unit apart, so that the page can set the unit smaller. */
export function quantity(
  value: number | null | undefined,
  unit: string,
  decimals?: Decimals,
): { value: string; unit: string } {
  if (value === null || value === undefined) return { value: "–", unit: scale(unit, 0).unit };
  const by = scale(unit, value);
  return { value: digits(value / by.divisor, decimals), unit: by.unit };
}

/** A value with its unit as one text. */
export function measured(value: number | null | undefined, unit: string, decimals?: Decimals): string {
  const shown = quantity(value, unit, decimals);
  return shown.unit === "" ? shown.value : `${shown.value}\u202f${shown.unit}`;
}

/** A limit as it was typed, with its unit; a prefix is chosen for it all the same. */
export function limitOf(value: number, unit: string): string {
  const { divisor, unit: shown } = scale(unit, value);
  if (divisor !== 1) return measured(value, unit);
  return shown === "" ? exact(value) : `${exact(value)}\u202f${shown}`;
}

/** A count with its unit grouped: 12 345. */
export function count(value: number): string {
  return digits(Math.round(value));
}

/** A count of things: "1 device", "12 345 devices". */
export function many(value: number, one: string, several = `${one}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? one : several}`;
}

/** A length of time, in the two largest units that matter: "38 s", "2 min 05 s", "3 h 20 min", "4 d 2 h". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  const days = Math.floor(hours / 24);
  return `${days} d ${hours % 24} h`;
}

/** How long ago; "just now" hides the jitter of two clocks. */
export function ago(at: number | null, now: number): string {
  if (at === null) return "never";
  const age = now - at;
  return age < 2_000 ? "just now" : `${duration(age)} ago`;
}

/** RFC 3339 text to epoch milliseconds, or null. */
export function millis(time: string | null | undefined): number | null {
  if (!time) return null;
  const at = Date.parse(time);
  return Number.isNaN(at) ? null : at;
}

const two = (n: number) => String(n).padStart(2, "0");

/** A time of day in the page's zone, 24 h, with seconds. */
export function clock(at: number): string {
  const time = wall(at);
  return `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
}

/** Date and time, ISO order, in the page's zone. */
export function stamp(at: number): string {
  return `${day(at)} ${clock(at)}`;
}

function day(at: number): string {
  const time = wall(at);
  return `${time.getUTCFullYear()}-${two(time.getUTCMonth() + 1)}-${two(time.getUTCDate())}`;
}

/** The time under the cursor: with its date where that is not today's, or the chart shows more than a day. */
export function moment(at: number, now: number, span: number): string {
  return day(at) === day(now) && span <= 86_400_000 ? clock(at) : stamp(at);
}

/** A time on an axis as short as the distance of its marks allows; with its year where that is not this one. */
export function axisTime(at: number, increment: number, now: number): string {
  const [year, ...rest] = day(at).split("-");
  const date = year === day(now).slice(0, 4) ? rest.join("-") : [year, ...rest].join("-");
  if (increment >= 300 * 86_400_000) return year!;
  if (increment >= 27 * 86_400_000) return `${year}-${rest[0]}`;
  const [hours, minutes, seconds] = clock(at).split(":");
  if (increment < 60_000) return `${hours}:${minutes}:${seconds}`;
  if (increment < 86_400_000 && !(hours === "00" && minutes === "00")) return `${hours}:${minutes}`;
  return date;
}

/** A zone at a moment: "Europe/Berlin, UTC+02:00". */
export function zone(at: number, name = zoneName()): string {
  const minutes = Math.round(ahead(at, name) / 60_000);
  const offset =
    minutes === 0
      ? "UTC"
      : `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return name === "UTC" ? offset : `${name.replaceAll("_", " ")}, ${offset}`;
}

/** The time alone for today, the date too for any other day. */
export function when(at: number, now: number): string {
  return day(at) === day(now) ? clock(at) : stamp(at).slice(0, 16);
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** "60s", "5m", "1h30m", "7d" as milliseconds, by the hub's own grammar; null when it is no duration. */
export function parseSpan(text: string): number | null {
  if (!/^(\d+(ms|[smhdw]))+$/.test(text)) return null;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g)) sum += Number(number) * UNIT_MS[unit!]!;
  return sum;
}

/** Milliseconds as the shortest exact span: 300000 -> "5m". */
export function span(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = UNIT_MS[unit]!;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${Math.round(ms)}ms`;
}
