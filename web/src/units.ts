// Units that can be told in one another, for comparing what was typed with what was measured: 295 K with 21.85 °C.
// PURE.
//
// Signs as the page writes them (`°C`, `B/s`), and the ways people type them (`C`, `u` for `µ`).

import { bare } from "./bare";

/** What is measured, and how a number in this unit becomes one in the first unit of its kind. */
interface Unit {
  of: string;
  factor: number;
  offset: number;
  /** How much of the factor is a prefix. */
  prefix: number;
}

const unit = (of: string, factor: number, offset = 0, prefix = 1): Unit => ({ of, factor, offset, prefix });
const FAHRENHEIT = unit("temperature", 5 / 9, (-32 * 5) / 9);
const CELSIUS = unit("temperature", 1);

/** Those that are no prefix and a unit, or that a prefix would misread (`min`, `Pa`). */
const KNOWN: Record<string, Unit> = bare({
  "°C": CELSIUS,
  C: CELSIUS,
  "°F": FAHRENHEIT,
  F: FAHRENHEIT,
  K: unit("temperature", 1, -273.15),
  min: unit("s", 60),
  h: unit("s", 3_600),
  d: unit("s", 86_400),
  bar: unit("Pa", 1e5),
  mbar: unit("Pa", 100),
  hPa: unit("Pa", 100),
  "%": unit("part", 0.01),
  ppm: unit("part", 1e-6),
  ppb: unit("part", 1e-9),
});
const PREFIXES: Record<string, number> = bare({
  "": 1,
  n: 1e-9,
  µ: 1e-6,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
});
const PREFIXED = /^(|n|µ|u|m|k|K|M|G|T|Ki|Mi|Gi|Ti)(B|B\/s|bit|bit\/s|s|V|A|W|Wh|VA|J|Hz|Pa|Ω|g|g\/m³|m)$/;

function unitOf(sign: string): Unit | null {
  const known = KNOWN[sign];
  if (known) return known;
  const [, prefix, of] = PREFIXED.exec(sign) ?? [];
  return prefix === undefined || of === undefined ? null : unit(of, PREFIXES[prefix]!, 0, PREFIXES[prefix]!);
}

/** What people write for signs; and of letters that can be meant one way only, the wrong size. */
const WRITTEN: Record<string, string> = bare({
  celsius: "°C",
  degc: "°C",
  cel: "°C",
  "°c": "°C",
  c: "°C",
  fahrenheit: "°F",
  degf: "°F",
  "°f": "°F",
  f: "°F",
  kelvin: "K",
  percent: "%",
  pct: "%",
  "%rh": "%",
  "%[rh]": "%",
  v: "V",
  a: "A",
  w: "W",
  kw: "kW",
  wh: "Wh",
  kwh: "kWh",
  hz: "Hz",
  khz: "kHz",
  ghz: "GHz",
  pa: "Pa",
  hpa: "hPa",
  kpa: "kPa",
  ohm: "Ω",
  sec: "s",
  hours: "h",
  hour: "h",
  days: "d",
  day: "d",
  minutes: "min",
  minute: "min",
  ...Object.fromEntries(
    ["", "k", "m", "g", "t"].flatMap((prefix) =>
      ["b", "b/s", ...(prefix === "" ? [] : ["ib", "ib/s"])].map((of) => [
        prefix + of,
        `${prefix === "k" && !of.startsWith("i") ? "k" : prefix.toUpperCase()}${of.replace("b", "B")}`,
      ]),
    ),
  ),
});

/** A unit as the page writes it. */
function signOf(typed: string): string {
  return unitOf(typed) || PREFIXES[typed] !== undefined ? typed : (WRITTEN[typed.toLowerCase()] ?? typed);
}

/**
 * A number of unit `from` in unit `to`; null if they do not measure the same, or what was typed is no unit.
 * A number without a unit, or with only a prefix (`2 Gi`), is of whatever it is compared with.
 */
export function convert(value: number, from: string, to: string): number | null {
  if (from === to || (unitOf(from) === null && from.toLowerCase() === to.toLowerCase())) return value;
  const typed = signOf(from);
  const [a, b] = [unitOf(typed), unitOf(to)];
  // Twelve digits: what is typed as 71.6 °F is 22 °C, and not 21.999999999999996.
  if (a && b && a.of === b.of) return Number(((value * a.factor + a.offset - b.offset) / b.factor).toPrecision(12));
  // Degrees that were typed without a letter are those that the sensor measures.
  if (typed === "°" && b?.of === "temperature") return value;
  // `15m` is minutes where a time is measured, and metres where a length is: `m` is never milli alone.
  if (typed === "m") return b?.of === "s" ? convert(value, "min", to) : to === "" ? value : null;
  const only = PREFIXES[typed];
  if (only !== undefined) return value * only;
  // A value that was sent without a unit can be compared in any.
  return a && to === "" ? value * a.prefix : null;
}
