// Buckets in which a counter's amounts are shown. PURE.

import type { Millis } from "./types";

const HOUR = 3_600_000;
/** The widest window for each length: some dozen bars. */
const LENGTHS: readonly [string, Millis][] = [
  ["10s", 10 * 60_000],
  ["1m", HOUR],
  ["5m", 4 * HOUR],
  ["1h", 72 * HOUR],
  ["1d", 60 * 24 * HOUR],
  ["1w", 366 * 24 * HOUR],
];

/** A length as people say it. */
export const SPOKEN: Readonly<Record<string, string>> = {
  "10s": "10 s",
  "1m": "1 min",
  "5m": "5 min",
  "1h": "1 h",
  "1d": "a day",
  "1w": "a week",
  "1mo": "a month",
};

/** So many bars carry the time at which they begin. */
const TIMES_MOST = 4;

/** Which bars those are, evenly spread from the first; the last is too near to the edge for a name. */
export function timesBelow(bars: number): number[] {
  const every = Math.max(1, Math.ceil(bars / TIMES_MOST));
  return Array.from({ length: Math.ceil(bars / every) }, (_, i) => i * every).filter((i) => i === 0 || i < bars - 1);
}

/** What to ask for a window. */
export function amountBuckets(from: Millis, to: Millis): { every: string; from: Millis } {
  const every = LENGTHS.find(([, most]) => to - from <= most)?.[0] ?? "1mo";
  // By the ten seconds, so that a window that slides asks the same question for a while.
  return { every, from: Math.floor(from / 10_000) * 10_000 };
}

/** The sum of parts, without the noise of adding decimals. */
export function total(parts: readonly number[]): number {
  return Number(parts.reduce((sum, part) => sum + part, 0).toPrecision(12));
}
