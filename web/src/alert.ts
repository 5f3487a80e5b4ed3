// What every screen needs of alerts, also the first: whom a rule watches, what it is called, the silence over it. PURE.
// Apart from `rule.ts`, whose sentences come with the screens that show them.

import { bare } from "./bare";
import type { Alert, Device, Rule, Silence } from "./types";
import { isNow } from "./weekly";

/** The hub's globs: `*` any text, `?` one character, everything else itself. */
export function glob(pattern: string, text: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${escaped}$`, "su").test(text);
}

/** Whether a device is meant: by name; by its id, which is random, only where that cannot be by chance. */
export const meant = (pattern: string, name: string, id: string): boolean =>
  glob(pattern, name) || ((!/[*?]/.test(pattern) || [...pattern].length > 8) && glob(pattern, id));

export function watches(rule: Pick<Rule, "device" | "sensor" | "labels">, device: Device, sensor: string): boolean {
  return (
    meant(rule.device, device.name, device.id) &&
    glob(rule.sensor, sensor) &&
    Object.entries(rule.labels).every(([key, value]) => device.labels[key] === value)
  );
}

/**
 * Since when it has been true, which the command line and the messages say too. It fires only when it has been true for
 * as long as its rule asks for.
 */
export const beganAt = (alert: Pick<Alert, "started_at">): number => Date.parse(alert.started_at);

/** The silence that keeps this alert from being told at `now`, if one does. */
export function silenceOver(
  silences: readonly Silence[] | null,
  alert: Pick<Alert, "rule" | "device" | "device_name" | "sensor" | "labels">,
  now: number,
): Silence | null {
  const over = (one: Silence) =>
    Date.parse(one.from) <= now &&
    now < Date.parse(one.until) &&
    (one.weekly === null || isNow(one.weekly, now)) &&
    (one.rule === null || one.rule === alert.rule.id) &&
    meant(one.device, alert.device_name, alert.device) &&
    glob(one.sensor, alert.sensor) &&
    Object.entries(one.labels).every(([key, value]) => alert.labels[key] === value);
  return (silences ?? []).find(over) ?? null;
}

/** What the hub calls its own rules, in words. */
const OWN = bare({
  "hub.disk_full": "Disk full",
  "hub.disk_nearly_full": "Disk nearly full",
  "hub.database_damaged": "Database damaged",
});

/** What stands in the place of a sensor where an alert is about a device as a whole. */
const OF_DEVICES: readonly string[] = ["device_offline", "source_failing", "clock_off"];

/** Whether it is about a device as a whole, not about a sensor of it. */
export const isOfDevice = (alert: Pick<Alert, "sensor">): boolean => OF_DEVICES.includes(alert.sensor);

export function ruleName(alert: Pick<Alert, "rule">): string {
  return OWN[alert.rule.name] ?? alert.rule.name;
}
