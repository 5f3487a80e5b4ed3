// By which address a device gets here, and what is typed on it. PURE.
//
// The address this page was opened by reaches the hub, so it comes first; but a page on the hub's own computer is opened by
// loopback, which means nothing anywhere else: then one of the hub's own addresses stands in the command, or no command does.

import type { Hub } from "./types";

export interface Place {
  /** Where the device downloads from; null where the page can be opened on the hub's computer only. */
  origin: string | null;
  /** Where its agent sends to, `host:port`. */
  agents: string;
  /** Whether it means this hub on every computer of the network. */
  anywhere: boolean;
}

export type Way = "line" | "deb" | "card" | "hand";

const isLoopback = (host: string) => /^(localhost|.*\.localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host);
const hostOf = (authority: string) => authority.replace(/:\d+$/, "");

/** Every way to the hub, the likeliest first; the last resort is loopback, which says so. */
export function places(hub: Pick<Hub, "addresses" | "udp_port">, here: { origin: string; hostname: string }): Place[] {
  const { url, page, agents } = hub.addresses;
  const found: Place[] = [];
  const add = (origin: string | null, host: string) => {
    if (isLoopback(host) || found.some((one) => hostOf(one.agents) === host)) return;
    found.push({ origin, agents: `${host}:${hub.udp_port}`, anywhere: true });
  };
  if (url) add(url.replace(/\/+$/, ""), hostOf(url.replace(/^\w+:\/\//, "").replace(/\/.*$/, "")));
  add(here.origin, here.hostname);
  for (const one of page) add(`http://${one}`, hostOf(one));
  for (const one of agents) add(null, hostOf(one));
  return found.length > 0 ? found : [{ origin: null, agents: `${here.hostname}:${hub.udp_port}`, anywhere: false }];
}

/** What is run on the device (on the hub, for a memory card); null where it would hold an address that means nothing there. */
export function command(way: Way, place: Place, token: string | null, more: { machine: string; discovery: boolean }): string | null {
  switch (way) {
    case "line":
      // Without -f: when the hub refuses, what it answers says why.
      return place.origin && token ? `curl -sS '${place.origin}/install.sh?token=${token}' | sh` : null;
    case "deb":
      return place.origin && token ? `curl -fsSo device-agent.deb '${place.origin}/bundle/${more.machine}.deb?token=${token}' && dpkg -i device-agent.deb` : null;
    case "card":
      return place.anywhere ? `telemetry-hub flash --root /mnt/sdcard --hub ${place.agents} --join-token ${token ?? "new"}` : null;
    case "hand":
      return `device-agent run${more.discovery && place.anywhere ? "" : ` --hub ${place.agents}`}${token ? ` --join-token ${token}` : ""}`;
  }
}
