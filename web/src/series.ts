// The points of one series in one window, and what may honestly be drawn of them. PURE: no clock, no canvas.
//
//   history (buckets, from REST) │ live (raw points, from the WebSocket)
//                          covered ─▶ nothing live is taken before it: a bucket has counted it
//
// Invariant: `t` rises strictly. A line breaks where the device was silent,
// by its own expected interval or by the pace of the readings around the hole, whichever is slower,
// and never by the spacing of the drawing, so the same outage is the same gap at every zoom level.

import { paceAround } from "./pace";
import type { Millis, Series } from "./types";

/** Below this a hole is jitter, not an outage. */
const GAP_FLOOR_MS = 2_000;

export interface Columns {
  t: Millis[];
  avg: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  gaps: [from: Millis, to: Millis][];
}

export interface Summary {
  points: number;
  last: number | null;
  lastAt: Millis | null;
  min: number | null;
  max: number | null;
  avg: number | null;
  trend: "rising" | "falling" | "steady";
  gaps: number;
}

/** Silence longer than this breaks the line, by the longest of the intervals that are known. */
export function gapAfter(...intervalsMs: (number | null | undefined)[]): number {
  const longest = Math.max(...intervalsMs.map((interval) => interval ?? 0));
  return longest === 0 ? Infinity : Math.max(3 * longest, GAP_FLOOR_MS);
}

/** Values older than this are greyed. */
export function staleAfter(intervalMs: number | null): number {
  return Math.max(3 * (intervalMs ?? 1_000), GAP_FLOOR_MS);
}

/** Whether a value that a device took at `at`, by its clock, is too old: a clock that is off is no silence. */
export function isStale(
  device: { clock_offset_ms: number | null; interval_ms: number | null },
  at: Millis,
  intervalMs: number | null,
  now: Millis,
): boolean {
  return now - (at - (device.clock_offset_ms ?? 0)) > staleAfter(intervalMs ?? device.interval_ms);
}

/** A gauge is drawn as measured; of a counter only its growth a second says anything. */
type Reads = "value" | "rate";

/** Down to this part of its value a counter has not fallen. */
const JITTER = 0.99;
/** So many lower readings are no slip: it began anew. */
const RESTARTED = 3;

export class Points {
  private t: Millis[] = [];
  private avg: number[] = [];
  private min: number[] = [];
  private max: number[] = [];
  private count: number[] = [];
  /** Width of the bucket a point stands for; 0 for a raw point. */
  private width: number[] = [];
  private covered: Millis = -Infinity;
  /** The newest reading of a counter as it came: the next one is drawn by its distance from it. */
  private counted: { at: Millis; value: number } | null = null;

  /** Readings since it fell. */
  private falls = 0;

  constructor(readonly reads: Reads = "value") {}

  get length(): number {
    return this.t.length;
  }

  get firstAt(): Millis | null {
    return this.t[0] ?? null;
  }

  /** The first point later than that. */
  firstAfter(at: Millis): Millis | null {
    return this.t.find((t) => t > at) ?? null;
  }

  get lastAt(): Millis | null {
    return this.t.at(-1) ?? null;
  }

  /** Replaces everything up to `to` by the hub's buckets; raw points after it stay. */
  fill(
    answer: (Series & { rate?: (number | null)[] }) | undefined,
    from: Millis,
    to: Millis,
    points: number,
    width: Millis | null = null,
  ): void {
    // Empty buckets may be left out, so the distance of those that are there is not their width.
    const bucket = width ?? (answer && bucketWidth(answer.t)) ?? (to - from) / Math.max(1, points);
    const rate = answer?.rate ?? answer?.t.map(() => null) ?? [];
    const history = answer && this.reads === "rate" ? { ...answer, min: rate, max: rate, avg: rate } : answer;
    const tail = this.rawAfter(to);
    this.t = [];
    this.avg = [];
    this.min = [];
    this.max = [];
    this.count = [];
    this.width = [];
    if (history) {
      history.t.forEach((start, i) => {
        const value = history.avg[i];
        if (value === null || value === undefined || history.count[i] === 0) return;
        const end = Math.max(start, Math.min(start + bucket, to));
        // The middle of a bucket, but its start when it holds one reading of a raw series: nothing was averaged.
        this.push(
          history.count[i] === 1 && bucket <= 1 ? start : start + (end - start) / 2,
          value,
          history.min[i] ?? value,
          history.max[i] ?? value,
          history.count[i] ?? 1,
          end - start,
        );
      });
    }
    this.covered = to;
    for (const [at, value] of tail) if (this.isNew(at)) this.push(at, value, value, value, 1, 0);
  }

  /** A live reading; false when it is older than what is there (history, a repeat, a recovered one). */
  append(at: Millis, value: number): boolean {
    const shown = this.reads === "rate" ? this.rate(at, value) : value;
    if (shown === null || !this.isNew(at)) return false;
    this.push(at, shown, shown, shown, 1, 0);
    return true;
  }

  /** Forgets what is older than `before`, but keeps one point so that the line reaches the left edge. */
  trim(before: Millis): void {
    const keep = Math.max(0, this.indexAt(before) - 1);
    // Cutting the front of arrays costs their length, so it waits until a quarter is due.
    if (keep < 64 || keep < this.t.length / 4) return;
    for (const column of [this.t, this.avg, this.min, this.max, this.count, this.width]) column.splice(0, keep);
  }

  /** The window as columns, one point beyond each edge, with a null row in every gap. `interval`: as announced. */
  columns(from: Millis, to: Millis, interval: Millis | null): Columns {
    const out: Columns = { t: [], avg: [], min: [], max: [], gaps: [] };
    const first = Math.max(0, this.indexAt(from) - 1);
    const end = Math.min(this.t.length, this.indexAt(to) + 1);
    for (let i = first; i < end; i++) {
      if (i > first && this.isGap(i, interval)) {
        const left = this.t[i - 1]! + this.width[i - 1]! / 2;
        const right = this.t[i]! - this.width[i]! / 2;
        out.gaps.push([left, right]);
        out.t.push((left + right) / 2);
        out.avg.push(null);
        out.min.push(null);
        out.max.push(null);
      }
      out.t.push(this.t[i]!);
      out.avg.push(this.avg[i]!);
      out.min.push(this.min[i]!);
      out.max.push(this.max[i]!);
    }
    return out;
  }

  summary(from: Millis, to: Millis, interval: Millis | null): Summary {
    const first = this.indexAt(from);
    const end = this.indexAt(to + 1);
    if (end <= first)
      return { points: 0, last: null, lastAt: null, min: null, max: null, avg: null, trend: "steady", gaps: 0 };
    let min = Infinity;
    let max = -Infinity;
    let sum = 0;
    let readings = 0;
    let gaps = 0;
    for (let i = first; i < end; i++) {
      min = Math.min(min, this.min[i]!);
      max = Math.max(max, this.max[i]!);
      sum += this.avg[i]! * this.count[i]!;
      readings += this.count[i]!;
      if (i > first && this.isGap(i, interval)) gaps++;
    }
    return {
      points: end - first,
      last: this.avg[end - 1]!,
      lastAt: this.t[end - 1]!,
      min,
      max,
      avg: sum / readings,
      trend: this.trend(first, end, max - min),
      gaps,
    };
  }

  /** The typical distance of readings, for a series that announced none; null with too few to tell. */
  typicalInterval(): number | null {
    if (this.t.length < 4) return null;
    // By the readings a bucket holds, not by its width: a wider window must not make the same outage disappear.
    const first = Math.max(1, this.t.length - 64);
    const steps = this.t
      .slice(first)
      .map((at, i) => (at - this.t[first + i - 1]!) / Math.max(1, this.count[first + i]!))
      .sort((a, b) => a - b);
    return steps[steps.length >> 1]!;
  }

  /** Behind everything there is, and not counted in the last bucket of the history. */
  private isNew(at: Millis): boolean {
    const last = this.t.at(-1);
    if (last === undefined) return true;
    return at > (at <= this.covered ? last + this.width.at(-1)! / 2 : last);
  }

  /**
   * Growth a second since the reading before; null where it is not known:
   * the first, a slip, and the begin after a restart.
   */
  private rate(at: Millis, value: number): number | null {
    const before = this.counted;
    if (before && (at <= before.at || (value < before.value * JITTER && ++this.falls < RESTARTED))) return null;
    const known = before && this.falls < RESTARTED ? before : null;
    this.falls = 0;
    this.counted = { at, value: Math.max(value, known?.value ?? value) };
    return known && ((this.counted.value - known.value) / (at - known.at)) * 1_000;
  }

  /** Whether the sensor was silent before this point for longer than it is by itself. */
  private isGap(i: number, interval: Millis | null): boolean {
    const silence = this.silence(i);
    // Nearly every hole is too short at any pace.
    if (silence <= GAP_FLOOR_MS || silence <= 3 * (interval ?? 0)) return false;
    return (
      silence >
      gapAfter(
        interval,
        paceAround(i, this.t.length, (n) => this.step(n)),
      )
    );
  }

  /** Time between two readings at this point: a bucket says by how many it holds how near to each other they are. */
  private step(i: number): Millis {
    const [count, distance] = [this.count[i]!, this.t[i]! - this.t[i - 1]!];
    return count < 2 ? distance : Math.min(distance / count, this.width[i]! / (count - 1));
  }

  /** Time between two neighbours in which certainly nothing was measured. */
  private silence(i: number): number {
    return this.t[i]! - this.t[i - 1]! - this.width[i - 1]! / 2 - this.width[i]! / 2;
  }

  /** The last third of the window against the first, in a tenth of the whole spread. */
  private trend(first: number, end: number, spread: number): Summary["trend"] {
    const third = Math.floor((end - first) / 3);
    if (third === 0 || spread === 0) return "steady";
    const mean = (a: number, b: number) => this.avg.slice(a, b).reduce((sum, value) => sum + value, 0) / (b - a);
    const change = mean(end - third, end) - mean(first, first + third);
    return change > spread / 10 ? "rising" : change < -spread / 10 ? "falling" : "steady";
  }

  private rawAfter(to: Millis): [Millis, number][] {
    const tail: [Millis, number][] = [];
    for (let i = this.indexAt(to); i < this.t.length; i++)
      if (this.width[i] === 0) tail.push([this.t[i]!, this.avg[i]!]);
    return tail;
  }

  /** Index of the first point at or after `at`. */
  private indexAt(at: Millis): number {
    let low = 0;
    let high = this.t.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.t[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private push(at: Millis, avg: number, min: number, max: number, count: number, width: number): void {
    this.t.push(at);
    this.avg.push(avg);
    this.min.push(min);
    this.max.push(max);
    this.count.push(count);
    this.width.push(width);
  }
}

/** Of its value a line must vary by this much to fill its chart. */
const LEAST_SPREAD = 0.0005;

/** The y range: data with a margin, stretched to a threshold only while that keeps the data readable. */
export function valueRange(min: number | null, max: number | null, thresholds: readonly number[]): [number, number] {
  if (min === null || max === null) return [0, 1];
  // A thousandth of a percent of a full disk is no mountain.
  const spread = max === min ? Math.abs(max) * 0.1 || 1 : Math.max(max - min, Math.abs(max) * LEAST_SPREAD);
  let low = Math.min(min, (min + max - spread) / 2);
  let high = Math.max(max, (min + max + spread) / 2);
  for (const threshold of thresholds) {
    // Beyond three times the spread the line of the data would be a flat thread: the threshold stays outside.
    if (Math.max(high, threshold) - Math.min(low, threshold) <= 3 * spread) {
      low = Math.min(low, threshold);
      high = Math.max(high, threshold);
    }
  }
  const margin = (high - low) * 0.12;
  // A quantity that is never negative does not become so by the margin alone.
  return [min >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
}

/** The range of a share of a whole: from nothing to all, and beyond where the values are. */
export function shareRange(min: number | null, max: number | null): [number, number] {
  return [Math.min(0, min ?? 0), Math.max(100, max ?? 100)];
}

/** How often a redraw can change a pixel. */
export function redrawPeriod(windowMs: number, widthPx: number): number {
  return Math.max(250, windowMs / Math.max(1, widthPx));
}

const ROUND_MS = [1, 2, 5]
  .flatMap((digit) => [1, 10, 100].map((power) => digit * power))
  .sort((a, b) => a - b)
  .concat(
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200].map(
      (seconds) => seconds * 1_000,
    ),
  );
const DAY_MS = 86_400_000;

/** What to ask for a window: whole buckets of a round length, so that every answer cuts the same readings alike. */
export function buckets(from: Millis, to: Millis, points: number): { from: Millis; to: Millis; points: number } {
  const wanted = (to - from) / Math.max(1, points);
  const width = ROUND_MS.find((round) => round >= wanted) ?? Math.ceil(wanted / DAY_MS) * DAY_MS;
  const start = Math.floor(from / width) * width;
  const end = Math.max(start + width, Math.ceil(to / width) * width);
  return { from: start, to: end, points: (end - start) / width };
}

function bucketWidth(starts: readonly Millis[]): number | null {
  let width = Infinity;
  for (let i = 1; i < starts.length; i++) width = Math.min(width, starts[i]! - starts[i - 1]!);
  return Number.isFinite(width) ? width : null;
}
