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
// As the hub's own commands decide it, without looking names up. A token has no business at a proxy, which could not reach such a hub.
const isNear = (host: string) =>
  isLoopback(host) || /\.local$/i.test(host) || /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))(\.\d+){2,3}$/.test(host) || /^\[(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i.test(host);
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

/** Whatever proxy the device has, it is not asked for what is near: by this option. */
const straight = (origin: string, option: string) => (isNear(hostOf(origin.replace(/^\w+:\/\//, ""))) ? `${option} ` : "");
const CURL = "--noproxy '*'";
// Both GNU's and BusyBox' wget know it; `--no-proxy` only GNU's.
const WGET = "-Y off";

/** What is run on the device (on the hub, for a memory card); null where it would hold an address that means nothing there. */
export function command(way: Way, place: Place, token: string | null, more: { machine: string; discovery: boolean }): string | null {
  switch (way) {
    case "line":
      // Without -f: when the hub refuses, what it answers says why.
      return place.origin && token ? `curl ${straight(place.origin, CURL)}-sS '${place.origin}/install.sh?token=${token}' | sh` : null;
    case "deb":
      return place.origin && token ? `curl ${straight(place.origin, CURL)}-fsSo device-agent.deb '${place.origin}/bundle/${more.machine}.deb?token=${token}' && dpkg -i device-agent.deb` : null;
    case "card":
      return place.anywhere ? `telemetry-hub flash --root /mnt/sdcard --hub ${place.agents} --join-token ${token ?? "new"}` : null;
    case "hand":
      return `device-agent run${more.discovery && place.anywhere ? "" : ` --hub ${place.agents}`}${token ? ` --join-token ${token}` : ""}`;
  }
}

/** How a device without curl gets what the command of `line` gets; the link is left out, it stands in that one. */
export function withoutCurl(place: Place): string | null {
  return place.origin && `wget ${straight(place.origin, WGET)}-qO- '…' | sh`;
}
