// How a device stands, as it may honestly be said: what is true at the hub, and nothing while the hub is away. PURE.

import { ago, duration, many, millis } from "./format";
import { firing, isLost, lastHeard, newestReading, type State } from "./state";
import type { Alert, Device, DeviceStatus } from "./types";

/** A device that was just adopted needs a moment for its first session; after that it is simply offline. */
const FIRST_SESSION_MS = 60_000;

/** `connecting` after it was adopted, `was online` while the hub is away: nobody knows how it is now. */
export type Standing = DeviceStatus | "connecting" | "was online";

export function standing(state: Pick<State, "connection" | "now">, device: Device): Standing {
  if (device.status === "online") return isLost(state) ? "was online" : "online";
  const adopted = millis(device.first_seen);
  const isNew =
    device.hardware !== null && device.last_seen === null && adopted !== null && state.now - adopted < FIRST_SESSION_MS;
  return device.status === "offline" && isNew ? "connecting" : device.status;
}

/** Readings this much older than the word of their device are no news of now. */
const APART_MS = 60_000;

/** When a device spoke, and apart from that of when its newest reading is: it may send what was measured long ago. */
export function contact(state: Pick<State, "connection" | "latest" | "now">, device: Device): string {
  const [told, heard, newest] = [millis(device.last_seen), lastHeard(state, device), newestReading(state, device)];
  // A reading of now is a word of now, which the hub tells of every few seconds;
  // one of long ago may have been imported.
  const at = heard !== null && state.now - heard < APART_MS ? heard : told;
  const spoke = `last contact ${ago(at, state.now)}`;
  if (newest === null || (at !== null && Math.abs(at - newest) < APART_MS)) return spoke;
  const read = newest > state.now ? `${duration(newest - state.now)} ahead` : ago(newest, state.now);
  return `${spoke}, newest reading ${read}`;
}

/** Alerts that fire, by device. */
export function firingByDevice(state: Pick<State, "alerts">): ReadonlyMap<string, readonly Alert[]> {
  const found = new Map<string, Alert[]>();
  for (const alert of firing(state)) {
    const of = found.get(alert.device);
    if (of) of.push(alert);
    else found.set(alert.device, [alert]);
  }
  return found;
}

/** "2 alerts", of them what nobody has acknowledged first. */
export function alertsText(alerts: readonly Alert[]): string {
  const open = alerts.filter((alert) => alert.acked_at === null).length;
  const of = (n: number) => many(n, "alert");
  return open === 0 ? `${of(alerts.length)}, acknowledged` : of(open);
}
