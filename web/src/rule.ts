// Rules as the page reads them: whom they watch, what they say, and how often they would have fired. PURE.

import { clean, digits, parseSpan } from "./format";
import type { Condition, Device, Op, Rule, Series } from "./types";

/** The hub's globs: `*` any text, `?` one character, everything else itself. */
export function glob(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*").replace(/\?/g, ".");
  return new RegExp(`^${escaped}$`, "su").test(text);
}

export function watches(rule: Rule, device: Device, sensor: string): boolean {
  return (
    (glob(rule.device, device.id) || glob(rule.device, device.name)) &&
    glob(rule.sensor, sensor) &&
    Object.entries(rule.labels).every(([key, value]) => device.labels[key] === value)
  );
}

/** The rule in one sentence. */
export function sentence(rule: Pick<Rule, "device" | "sensor" | "condition" | "for">): string {
  const who = `${rule.device === "*" ? "any device" : clean(rule.device)}`;
  return `${clean(rule.sensor)} of ${who} ${condition(rule.condition)}${rule.for && parseSpan(rule.for) !== 0 ? ` for ${rule.for}` : ""}`;
}

export function condition(of: Condition): string {
  switch (of.type) {
    case "threshold":
      return `${of.op} ${digits(of.value)}`;
    case "silence":
      return `silent for ${of.after}`;
    default:
      // A hub newer than this page may know more kinds; its rules are listed, not hidden.
      return (of as { type: string }).type;
  }
}

/** How often a threshold would have fired over those buckets: held for `holdMs`, cleared only past `clear`. */
export function wouldFire(series: Pick<Series, "t" | "min" | "max">, op: Op, value: number, clear: number | null, holdMs: number): number {
  const above = op === ">" || op === ">=";
  const extremes = above ? series.max : series.min;
  let since: number | null = null;
  let firing = false;
  let fired = 0;
  extremes.forEach((extreme, i) => {
    if (extreme === null) return;
    if (firing) {
      if (!beyond(extreme, op, clear ?? value)) {
        firing = false;
        since = null;
      }
      return;
    }
    if (!beyond(extreme, op, value)) {
      since = null;
      return;
    }
    since ??= series.t[i]!;
    if (series.t[i]! - since >= holdMs) {
      firing = true;
      fired++;
    }
  });
  return fired;
}

function beyond(value: number, op: Op, limit: number): boolean {
  switch (op) {
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
  }
}
