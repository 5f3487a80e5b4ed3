// The strip below the toolbar: which longer time it shows around the window of the charts, and what a drag on it means.
// PURE but for the time zone.
//
//   ├────────────── context ──────────────┤
//               ├─ window ─┤                 grip: its edges resize, its middle moves, elsewhere it jumps there

import type { Millis } from "./types";
import { atWall, wall } from "./zone";

export interface Span {
  from: Millis;
  to: Millis;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const CONTEXTS = [15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY, 1_825 * DAY];
/** A window narrower than this part of its strip could not be taken hold of. */
const NARROWEST = 1 / 30;
/** Wider than this the strip would say little that the charts do not. */
const WIDEST = 1 / 2;
/** A strip that ends this close to now slides with it. */
const SLIDES = 1 / 200;

/** The context of a window. The one before stays while the window fits in it, so that it stands still under a hand. */
export function contextOf(window: Span, now: Millis, before: Span | null): Span {
  const width = window.to - window.from;
  if (before) {
    const length = before.to - before.from;
    const fits = width >= length * NARROWEST && width <= length * WIDEST;
    const slid = now - before.to <= length * SLIDES || window.to > before.to ? { from: now - length, to: now } : before;
    if (fits && window.from >= slid.from && window.to <= slid.to) return slid;
  }
  const length = CONTEXTS.find((one) => width <= one / 8) ?? Math.max(CONTEXTS.at(-1)!, width / WIDEST);
  const to = Math.min(now, (window.from + window.to) / 2 + length / 2);
  return { from: to - length, to };
}

const MINUTES = [1, 2, 5, 10, 20, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080, 20_160].map(
  (minutes) => minutes * MINUTE,
);
const MONTHS = [1, 3, 6, 12, 24, 60];
/**
 * Moments to be named on the strip, at most so many, none in the `margin` at its ends, where its name would be cut:
 * whole hours, days and months of the page's zone. `step`: how far apart.
 */
export function marksOf({ from, to }: Span, most: number, margin: number): { step: Millis; at: Millis[] } {
  const inside = (at: Millis) => at >= from + (to - from) * margin && at <= to - (to - from) * margin;
  const step = MINUTES.find((one) => (to - from) / one <= most);
  const start = wall(from).getTime();
  if (step !== undefined) {
    const first = Math.floor(start / step) * step;
    return { step, at: Array.from({ length: most + 2 }, (_, i) => atWall(first + i * step)).filter(inside) };
  }
  const months = MONTHS.find((one) => (to - from) / (one * 30 * DAY) <= most) ?? MONTHS.at(-1)!;
  const date = new Date(start);
  const first = Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / months) * months;
  return {
    step: months * 30 * DAY,
    at: Array.from({ length: most + 2 }, (_, i) => atWall(Date.UTC(2000, first - 24_000 + i * months))).filter(inside),
  };
}

export type Grip = "from" | "to" | "middle" | "outside";

/** What lies under the pointer at `at`, with edges that are `reach` wide on either side. */
export function gripAt(at: Millis, window: Span, reach: Millis): Grip {
  const narrow = window.to - window.from < 4 * reach;
  if (!narrow && Math.abs(at - window.from) <= reach) return "from";
  if (!narrow && Math.abs(at - window.to) <= reach) return "to";
  return at >= window.from - reach && at <= window.to + reach ? "middle" : "outside";
}

/** The window after the pointer moved by `by` since it took hold; never beyond now, never narrower than `least`. */
export function dragged(grip: Grip, start: Span, by: Millis, now: Millis, least: Millis): Span {
  if (grip === "from") return { from: Math.min(start.from + by, start.to - least), to: start.to };
  if (grip === "to") return { from: start.from, to: Math.min(now, Math.max(start.to + by, start.from + least)) };
  const to = Math.min(now, start.to + by);
  return { from: to - (start.to - start.from), to };
}
