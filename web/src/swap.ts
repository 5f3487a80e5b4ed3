// When a device was given other hardware, as its charts show it. PURE.

import { millis } from "./format";
import type { Millis, Swap } from "./types";

/**
 * Where the new hardware's readings begin. Those it took while it waited are the device's as well, so that may be
 * before a person said so; without any it is when they said so.
 */
export function swappedAt(
  { at, last_seen }: Swap,
  { from, to }: { from: Millis; to: Millis },
  firstAfter: (heard: Millis) => Millis | null,
): Millis {
  const told = Date.parse(at);
  const heard = millis(last_seen);
  // A window that lies beside the change has no reading that tells more.
  if (heard === null || told < from || heard > to) return told;
  return firstAfter(heard) ?? told;
}
