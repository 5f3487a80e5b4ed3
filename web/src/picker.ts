// From and to as people type them, in the page's time zone; and the windows that are offered.
// PURE but for the time zone.

import { stamp } from "./format";
import type { Millis } from "./types";
import type { Wrong } from "./wrong";
import { atWall, zone } from "./zone";

/** Windows one click away, by the text of the address bar. */
export const SPANS: readonly [span: string, label: string][] = [
  ["5m", "5 min"],
  ["1h", "1 h"],
  ["6h", "6 h"],
  ["24h", "24 h"],
  ["7d", "7 d"],
  ["30d", "30 d"],
  ["365d", "1 y"],
];
/** Less often wanted. */
export const MORE_SPANS: readonly [span: string, label: string][] = [
  ["1m", "1 min"],
  ["15m", "15 min"],
  ["3h", "3 h"],
  ["12h", "12 h"],
  ["90d", "90 d"],
  ["1825d", "5 y"],
];

/** The text of a `datetime-local` field, in the page's zone. */
export function fieldOf(at: Millis): string {
  return stamp(at).replace(" ", "T");
}

/** The moment that a `datetime-local` field means, in the page's zone; null when it means none. */
export function momentOf(text: string, name = zone()): Millis | null {
  const [, date, minutes, seconds] =
    /^(\d{4,6}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(text.trim()) ?? [];
  const wall = date ? Date.parse(`${date}T${minutes}:${seconds ?? "00"}Z`) : NaN;
  return Number.isNaN(wall) ? null : atWall(wall, name);
}

/** What is wrong with a window that was typed, at its field; null when nothing is. */
export function wrongWindow(from: string, to: string, now: Millis): Wrong | null {
  const [start, end] = [momentOf(from), to.trim() === "" ? now : momentOf(to)];
  if (start === null) return { field: "from", problem: "Enter a date and a time, like 2026-11-22 14:00." };
  if (end === null) return { field: "to", problem: "Enter a date and a time, or leave it empty for now." };
  if (start >= end) return { field: "to", problem: "The end must be after the start." };
  return null;
}
