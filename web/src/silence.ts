// A silence as it is typed: over whom, from when, for how long, and why. PURE but for the time zone.

import { clean, cleanName } from "./format";
import { momentOf } from "./picker";
import type { NewSilence, Silence } from "./types";
import { zone } from "./zone";
import type { Wrong } from "./wrong";

/** How long, one click away. */
export const SILENCES: readonly [span: string, label: string][] = [
  ["30m", "30 min"],
  ["1h", "1 h"],
  ["4h", "4 h"],
  ["1d", "1 day"],
  ["7d", "7 days"],
];

export interface Typed {
  /** Id of a rule, or empty for every rule. */
  rule: string;
  device: string;
  sensor: string;
  labels: Record<string, string>;
  /** The text of a field; empty means now. */
  from: string;
  /** A span, or empty where `until` says it. */
  span: string;
  until: string;
  /** Hours of the week, or null for all the time. */
  weekly: { days: string[]; from: string; until: string } | null;
  comment: string;
}

/** How long hours of the week go on, one click away. */
export const WEEKLY_FOR: readonly [span: string, label: string][] = [
  ["30d", "30 days"],
  ["365d", "1 year"],
  ["3650d", "10 years"],
];

/** What the hub is asked for, or what is wrong and in which field. */
export function silenceOf(typed: Typed): NewSilence | Wrong {
  const [from, until] = [
    typed.from === "" ? null : momentOf(typed.from),
    typed.span === "" ? momentOf(typed.until) : null,
  ];
  if (typed.from !== "" && from === null)
    return { field: "from", problem: "Enter a date and a time, or leave it empty for now." };
  if (typed.span === "" && until === null)
    return { field: "until", problem: "Enter the date and the time at which it ends." };
  if (typed.weekly?.days.length === 0) return { field: "weekly.days", problem: "Choose at least one day." };
  const [device, sensor] = [typed.device.trim() || "*", typed.sensor.trim() || "*"];
  const whom = {
    ...(typed.rule === "" ? {} : { rule: typed.rule }),
    device,
    sensor,
    labels: typed.labels,
    comment: typed.comment.trim(),
  };
  const when = {
    ...(from === null ? {} : { from: new Date(from).toISOString() }),
    ...(typed.weekly === null ? {} : { weekly: { ...typed.weekly, zone: zone() } }),
    ...(until === null ? { for: typed.span } : { until: new Date(until).toISOString() }),
  };
  return { ...whom, ...when };
}

/** Over whom a silence is: `all sensors of any device with site=south`. */
export function covered(of: Pick<Silence, "device" | "sensor" | "labels">, deviceName: string): string {
  const labels = Object.entries(of.labels).map(([key, value]) => clean(`${key}=${value}`));
  const device = of.device === "*" ? "any device" : clean(deviceName);
  const sensor = of.sensor === "*" ? "all sensors" : cleanName(of.sensor);
  return `${sensor} of ${device}${labels.length > 0 ? ` with ${labels.join(", ")}` : ""}`;
}
