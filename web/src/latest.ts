// The newest value of each sensor: what replaces it, measured now or answered by the hub. PURE.

import { bare } from "./bare";
import type { Latest, Millis, Row } from "./types";

/** Clocks of hub and device agree within this; beyond it a reading's own time says nothing about when it was heard. */
export const CLOCK_JITTER_MS = 5_000;
/** A value is of this moment for so long. */
const STILL_MS = 60_000;

/** The newest value of each sensor, by device and then by sensor. */
export type LatestByDevice = Readonly<Record<string, Readonly<Record<string, Latest>>>>;

/**
 * Newer values replace older ones. One from ahead of now neither hides what is measured now nor replaces it,
 * as at the hub.
 */
function replaces(before: Millis, at: Millis, now: Millis): boolean {
  const [wasAhead, isAhead] = [before > now + CLOCK_JITTER_MS, at > now + CLOCK_JITTER_MS];
  if (wasAhead && !isAhead) return at > now - STILL_MS;
  if (isAhead && !wasAhead) return before < now - STILL_MS;
  return before <= at;
}

/** A value that came late (recovered) never replaces a newer one. */
export function measured(latest: LatestByDevice, rows: readonly Row[], now: Millis): LatestByDevice {
  if (rows.length === 0) return latest;
  const next: Record<string, Record<string, Latest>> = { ...latest };
  const copied = new Set<string>();
  for (const [device, sensor, at, value] of rows) {
    const before = next[device]?.[sensor];
    if (before && !replaces(Date.parse(before.at), at, now)) continue;
    if (!copied.has(device)) {
      next[device] = bare(next[device]);
      copied.add(device);
    }
    next[device]![sensor] = {
      device,
      sensor,
      unit: before?.unit ?? "",
      at: new Date(at).toISOString(),
      value,
      quality: "good",
    };
  }
  return next;
}

export function known(latest: LatestByDevice, items: readonly Latest[], now: Millis): LatestByDevice {
  const next: Record<string, Record<string, Latest>> = { ...latest };
  const copied = new Set<string>();
  for (const item of items) {
    if (!copied.has(item.device)) {
      next[item.device] = bare(next[item.device]);
      copied.add(item.device);
    }
    const before = next[item.device]![item.sensor];
    // The answer may have been overtaken by the stream: keep the newer value, learn the unit.
    next[item.device]![item.sensor] =
      before && !replaces(Date.parse(before.at), Date.parse(item.at), now) ? { ...before, unit: item.unit } : item;
  }
  return next;
}
