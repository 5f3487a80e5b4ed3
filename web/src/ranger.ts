// The strip below the toolbar: which longer time it shows around the window of the charts, and what a drag on it means.
// PURE.
//
//   ├────────────── context ──────────────┤
//               ├─ window ─┤                 grip: its edges resize, its middle moves, elsewhere it jumps there

import type { Millis } from "./types";

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
