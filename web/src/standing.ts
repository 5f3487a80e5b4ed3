// How a device stands, as it may honestly be said: what is true at the hub, and nothing while the hub is away. PURE.

import { millis } from "./format";
import { firing, isLost, type State } from "./state";
import type { Alert, Device, DeviceStatus } from "./types";

/** A device that was just adopted needs a moment for its first session; after that it is simply offline. */
const FIRST_SESSION_MS = 60_000;

/** `connecting` after it was adopted, `was online` while the hub is away: nobody knows how it is now. */
export type Standing = DeviceStatus | "connecting" | "was online";

export function standing(state: Pick<State, "connection" | "now">, device: Device): Standing {
  if (device.status === "online") return isLost(state) ? "was online" : "online";
  const adopted = millis(device.first_seen);
  const isNew = device.words.length > 0 && device.last_seen === null && adopted !== null && state.now - adopted < FIRST_SESSION_MS;
  return device.status === "offline" && isNew ? "connecting" : device.status;
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
  const of = (n: number) => (n === 1 ? "1 alert" : `${n} alerts`);
  return open === 0 ? `${of(alerts.length)}, acknowledged` : of(open);
}
