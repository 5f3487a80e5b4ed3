// Rows of one length for a table: buckets of the hub, and behind them the single readings that came since. PURE.

import type { Columns } from "../series";
import type { Millis } from "../types";

/** The hub cuts a window into fewer buckets than these. */
const BUCKETS_MOST = 1_200;
/** Rows this much shorter than usual are put together with their neighbours. */
const SHORT = 0.9;

type Rows = Omit<Columns, "gaps">;

/**
 * The rows of a window: its buckets, and the readings since the last bucket, joined into rows as long as the buckets.
 * In a window so narrow that it shows single readings, those stay single.
 */
export function evenly(rows: Rows, from: Millis, to: Millis): Rows {
  const coarse = together(rows, (to - from) / BUCKETS_MOST);
  if (coarse.t.length === rows.t.length) return rows;
  const steps = coarse.t
    .slice(1)
    .map((at, i) => at - coarse.t[i]!)
    .sort((a, b) => a - b);
  const every = steps[steps.length >> 1] ?? 0;
  const even = together(coarse, every * SHORT);
  const known = new Set(rows.t);
  const made = even.t.findIndex((at) => !known.has(at));
  // Buckets have round times. What came since follows in their steps; the last of it is of now.
  if (made > 0)
    for (let i = made; i < even.t.length; i++)
      even.t[i] = Math.min(even.t[i - 1]! + every, to - (even.t.length - 1 - i));
  return even;
}

/** Rows nearer to each other than `step` as one, from the oldest on; a gap ends a row. */
function together({ t, avg, min, max }: Rows, step: Millis): Rows {
  const out: Rows = { t: [], avg: [], min: [], max: [] };
  for (let first = 0; first < t.length; ) {
    let end = first + 1;
    if (avg[first] !== null) while (end < t.length && avg[end] !== null && t[end]! - t[first]! < step) end++;
    const values = (of: readonly (number | null)[]) => of.slice(first, end).filter((one) => one !== null);
    out.t.push((t[first]! + t[end - 1]!) / 2);
    if (avg[first] === null) {
      for (const column of [out.avg, out.min, out.max]) column.push(null);
    } else {
      const means = values(avg);
      out.avg.push(means.length === 1 ? means[0]! : means.reduce((sum, one) => sum + one, 0) / means.length);
      out.min.push(Math.min(...values(min)));
      out.max.push(Math.max(...values(max)));
    }
    first = end;
  }
  return out;
}
