// What a webhook hears of, and when, as a person sets it and reads it. PURE.

import type { Webhook } from "./types";
import { weeklyText } from "./weekly";

export type Hears = Pick<Webhook, "least_severity" | "labels" | "tags" | "quiet_hours" | "repeat_every">;

export const ALL: Hears = { least_severity: "info", labels: {}, tags: {}, quiet_hours: null, repeat_every: null };

/** Nights, as most people mean them. */
export const NIGHTS = { days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from: "22:00", until: "07:00" };

export const SEVERITIES: readonly [of: Webhook["least_severity"], label: string][] = [
  ["info", "All of them"],
  ["warning", "Warning and critical"],
  ["critical", "Critical only"],
];

export const REPEATS: readonly [every: string, label: string][] = [
  ["", "Once"],
  ["15m", "Again every 15 min"],
  ["1h", "Again every hour"],
  ["4h", "Again every 4 hours"],
  ["12h", "Again every 12 hours"],
  ["1d", "Again every day"],
];

/** What the list says of it: nothing of a webhook that hears everything once. */
export function hearsText({ least_severity, labels, tags, quiet_hours, repeat_every }: Hears): string[] {
  const pairs = [...Object.entries(labels), ...Object.entries(tags)].map(([key, value]) => `${key}=${value}`);
  return [
    least_severity === "critical"
      ? "critical alerts only"
      : least_severity === "warning"
        ? "warning and critical alerts only"
        : "",
    pairs.length > 0 ? `of ${pairs.join(", ")}` : "",
    quiet_hours
      ? `quiet ${weeklyText(quiet_hours)}${quiet_hours.critical_passes ? ", but for critical alerts" : ""}`
      : "",
    repeat_every ? `again every ${repeat_every} until acknowledged` : "",
  ].filter((one) => one !== "");
}

/** `3 wait until 07:00`. */
export const waitText = (waiting: number, until: string): string =>
  waiting === 0 ? `Quiet until ${until}.` : `${waiting} ${waiting === 1 ? "waits" : "wait"} until ${until}.`;

/** Quiet hours end with a minute: `07:00` of `07:00:00`. */
export const toTheMinute = (time: string): string => time.replace(/^(\d\d:\d\d):00$/, "$1");
