// A glance at the last minutes of one sensor. All of a list are drawn on one scale: a line that looks wild is.

import { paceAround } from "../pace";
import type { Millis, Series } from "../types";

const [WIDTH, HEIGHT] = [128, 32];

export interface SparkScale {
  min: number;
  max: number;
}

/** What all of them need; null where there is nothing to draw. */
export function sparkScale(all: readonly Series[]): SparkScale | null {
  let [min, max] = [Infinity, -Infinity];
  for (const series of all) {
    for (const value of series.last) {
      if (value === null) continue;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  return min <= max ? { min, max } : null;
}

/** One point is no line. */
export const isLine = (series: Series) => series.t.length >= 2;

export function Spark({
  series,
  scale,
  from,
  to,
}: {
  series: Series | undefined;
  scale: SparkScale | null;
  from: number;
  to: number;
}) {
  if (!series || !scale || !isLine(series)) return <span class="spark" aria-hidden="true" />;
  // A fleet that agrees to a thousandth shall not look wild either.
  const least = Math.max(Math.abs(scale.min), Math.abs(scale.max)) / 200 || 1;
  const spread = Math.max(scale.max - scale.min, least);
  const low = (scale.min + scale.max - spread) / 2;
  const points = series.t.flatMap((t, i): [Millis, number][] => {
    const value = series.last[i] ?? null;
    return value === null ? [] : [[t, value]];
  });
  const step = (i: number) => points[i]![0] - points[i - 1]![0];
  const path = points.map(([t, value], i) => {
    // Some empty buckets may lie between two readings of a slow sensor; more is an outage and breaks the line.
    const pen = i > 0 && step(i) <= 4 * (paceAround(i, points.length, step) ?? step(i)) ? "L" : "M";
    const x = ((t - from) / (to - from)) * (WIDTH - 2) + 1;
    return `${pen}${x.toFixed(1)} ${(HEIGHT - 3 - ((value - low) / spread) * (HEIGHT - 6)).toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path.join("")} />
    </svg>
  );
}
