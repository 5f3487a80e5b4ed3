// How fast readings come around a place. PURE.
//
// A sensor may be asked once a minute, and once a second from the moment that something happens: what is usual is said
// by the neighbours of a hole and by nothing farther away, or the faster part would break the line of the slower one.

import type { Millis } from "./types";

/** So many steps either side of a hole say what is usual there. */
const NEIGHBOURS = 8;

/**
 * The usual time between two readings on the slower side of step `at`; null where too few are there to tell.
 * `steps[n]` is the time from reading n - 1 to reading n, so the first one says nothing.
 */
export function paceAround(at: number, count: number, steps: (n: number) => Millis): Millis | null {
  const usual = (from: number, to: number) => {
    const near: Millis[] = [];
    for (let n = Math.max(1, from); n < Math.min(count, to); n++) near.push(steps(n));
    if (near.length < 2) return 0;
    near.sort((a, b) => a - b);
    // Of two the shorter one: the other may be an outage.
    return near[(near.length - 1) >> 1]!;
  };
  return Math.max(usual(at - NEIGHBOURS, at), usual(at + 1, at + 1 + NEIGHBOURS)) || null;
}
