// Where the marks of a time axis may stand: steps that people count in, close enough for a phone. PURE.

import type { Millis } from "../types";

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
/** uPlot's own names for a month and a year: it finds their first days itself. */
const [MONTH, YEAR] = [30 * DAY, 365 * DAY];

/**
 * Distances of two marks. None is more than two and a half times the one before it,
 * so that a chart which finds room for three marks has at least one.
 */
export const TIME_STEPS: readonly Millis[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 20, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 20, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((n) => n * HOUR),
  ...[1, 2, 3, 4, 5, 7, 10, 15].map((n) => n * DAY),
  ...[1, 2, 3, 4, 6].map((n) => n * MONTH),
  ...[1, 2, 5, 10].map((n) => n * YEAR),
];

/** uPlot names its first mark also where it lies past the end of the window; that one is left out. */
export const inside = (marks: readonly Millis[], to: Millis): (Millis | null)[] =>
  marks.map((at) => (at > to ? null : at));
