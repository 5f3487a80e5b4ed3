// What people call what a device measures. The raw name stays as a hint, and is what rules and the API know. PURE.
//
// Only names that agents give themselves are translated; whatever a person called a sensor is shown as it is.

import { clean, cleanName, NAME_LIMIT } from "./format";
import { NAMES } from "./names.gen";

const upper = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** What stands in the place of the `*` of a pattern, if a name fits; nothing where there is none. */
function about(pattern: string, sensor: string): string | null {
  const [before, after] = pattern.split("*") as [string, string?];
  if (after === undefined) return pattern === sensor ? "" : null;
  const fits = sensor.startsWith(before) && sensor.endsWith(after);
  return (fits && sensor.slice(before.length, sensor.length - after.length)) || null;
}

/** The name a person reads. */
export function title(sensor: string): string {
  for (const [pattern, people] of NAMES) {
    const name = about(pattern, sensor);
    if (name === null) continue;
    const parts: Record<string, string> = { name, Name: upper(name), words: name.replaceAll("_", " ") };
    return cleanName(people.replace(/\{(name|Name|words)\}/, (_, part: string) => parts[part]!));
  }
  return cleanName(sensor);
}

/** The raw name where it says more than the title does. */
export function hint(sensor: string): string {
  const raw = clean(sensor, NAME_LIMIT);
  return raw === title(sensor) ? "" : raw;
}

/**
 * An address for people: without its port, and a link-local one said in words,
 * since it means nothing without an interface.
 */
export function address(text: string): string {
  if (/^\[?fe80:/i.test(text)) return "local IPv6";
  return clean(text.replace(/^\[(.*)\](:\d+)?$/, "$1").replace(/^([^:]+):\d+$/, "$1"));
}

export interface Family {
  /** Names the card and its place; the first sensor's name where it is alone. */
  key: string;
  title: string;
  sensors: string[];
}

const FAMILIES: [RegExp, (found: RegExpExecArray) => { key: string; title: string }][] = [
  [/^load\.(1|5|15)m$/, () => ({ key: "load", title: "Load" })],
  [/^net\.(.+)\.[rt]x_bytes$/, ([, name]) => ({ key: `net.${name}`, title: `Network ${clean(name!)}` })],
];
/** How the members of a family are called on their card, and in which order they stand. */
const MEMBERS: [RegExp, string][] = [
  [/^load\.1m$/, "1 min"],
  [/^load\.5m$/, "5 min"],
  [/^load\.15m$/, "15 min"],
  [/\.rx_bytes$/, "received"],
  [/\.tx_bytes$/, "sent"],
];

export function member(sensor: string): string {
  return MEMBERS.find(([pattern]) => pattern.test(sensor))?.[1] ?? title(sensor);
}

const place = (sensor: string) => MEMBERS.findIndex(([pattern]) => pattern.test(sensor));

/** Sensors that belong into one chart, in the order of their first; of one unit, so that one axis serves all. */
export function families(sensors: readonly { sensor: string; unit: string }[]): Family[] {
  const found = new Map<string, Family>();
  for (const { sensor, unit } of sensors) {
    const of = FAMILIES.map(([pattern, name]) => [pattern.exec(sensor), name] as const).find(([match]) => match);
    const named = of ? of[1](of[0]!) : { key: sensor, title: title(sensor) };
    const key = of ? `${named.key} ${unit}` : sensor;
    const family = found.get(key);
    if (family) family.sensors.push(sensor);
    else found.set(key, { ...named, sensors: [sensor] });
  }
  return [...found.values()].map((family) =>
    family.sensors.length === 1
      ? { key: family.sensors[0]!, title: title(family.sensors[0]!), sensors: family.sensors }
      : { ...family, sensors: [...family.sensors].sort((a, b) => place(a) - place(b)) },
  );
}
