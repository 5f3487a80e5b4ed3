// Which things the live stream told of lately, so that an answer of REST that was on its way meanwhile cannot undo it.
// PURE.
//
//   ask ── turn 7 ──▶ hub            the answer was read at the hub before or after "delivered": nobody knows
//   "delivered" ──── turn 8 ──▶ told
//   answer to 7: "pending" ──▶ told at 8 > 7: what the stream said stays
//
// It is always safe to keep what the stream said: the hub tells each change of such a thing, so were the answer newer,
// its event would follow. Turns are counted by the page, one for each question and each message.
// What was told longer ago than any answer takes is forgotten.

import type { Millis } from "./types";

/** Remembered for once to twice this long: longer than any request may take. */
const KEPT_MS = 30_000;

export interface Told {
  young: Readonly<Record<string, number>>;
  old: Readonly<Record<string, number>>;
  since: Millis;
}

export const NOTHING_TOLD: Told = { young: {}, old: {}, since: 0 };

export function tell(told: Told, turn: number, keys: readonly string[]): Told {
  return tellAll(
    told,
    keys.map((key) => [key, turn]),
  );
}

/** Many at once, each with its turn: the list is copied once. */
export function tellAll(told: Told, keys: readonly (readonly [string, number])[]): Told {
  if (keys.length === 0) return told;
  const young = { ...told.young };
  for (const [key, turn] of keys) young[key] = turn;
  return { ...told, young };
}

export function age(told: Told, now: Millis): Told {
  if (Math.abs(now - told.since) < KEPT_MS) return told;
  return { young: {}, old: told.young, since: now };
}

/** Whether the stream told of it after the question was asked. */
export function overtaken(told: Told, key: string, asked: number): boolean {
  return (told.young[key] ?? told.old[key] ?? -1) > asked;
}

/** A list that was asked for, with what the stream said meanwhile: changed, new, or gone. */
export function merged<T extends { id: string }>(
  told: Told,
  kind: string,
  answer: readonly T[],
  present: Readonly<Record<string, T>> | null,
  asked: number,
): Record<string, T> {
  const found: Record<string, T> = {};
  for (const one of answer) if (!overtaken(told, `${kind} ${one.id}`, asked)) found[one.id] = one;
  for (const [id, one] of Object.entries(present ?? {})) if (overtaken(told, `${kind} ${id}`, asked)) found[id] = one;
  return found;
}
