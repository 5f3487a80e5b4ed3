import { expect, test } from "vitest";
import { evenly } from "./even";

const rows = (t: number[], avg: (number | null)[]) => ({ t, avg, min: avg, max: avg });
const MINUTE = 60_000;

test("single readings behind buckets become rows as long as those", () => {
  const week = 7 * 24 * 60 * MINUTE;
  const buckets = Array.from({ length: 600 }, (_, i) => i * 15 * MINUTE);
  const last = buckets.at(-1)! + 15 * MINUTE;
  // More single readings than buckets: the usual distance of all is a second.
  const single = Array.from({ length: 780 }, (_, i) => last + i * 1_000);
  const t = [...buckets, ...single];
  const values = t.map((_, i) => (i < 600 ? 1 : i % 2 === 0 ? 2 : 4));
  const made = evenly(rows(t, values), last + 20 * MINUTE - week, last + 20 * MINUTE);
  expect(made.t.length).toBe(601);
  expect([made.avg.at(-1), made.min.at(-1), made.max.at(-1)]).toEqual([3, 2, 4]);
  expect(made.t.slice(0, 600)).toEqual(buckets);
  // In step with the buckets, and not at the middle of what is there of it.
  expect(made.t.at(-1)).toBe(last);
});

test("a narrow window shows each reading, and a gap stays a gap", () => {
  const t = [0, 1_000, 30_000, 60_000, 61_000];
  const narrow = rows(t, [1, 2, null, 3, 4]);
  expect(evenly(narrow, 0, 5 * MINUTE)).toEqual(narrow);
  const wide = evenly(narrow, 0, 1_200 * 2_000);
  expect(wide.avg).toEqual([1.5, null, 3.5]);
});
