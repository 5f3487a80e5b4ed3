// By which address a device gets here, and what is typed on it. PURE.
//
// The address this page was opened by reaches the hub, so it comes first;
// but a page on the hub's own computer is opened by loopback, which means nothing anywhere else: then one of the hub's
// own addresses stands in the command, or no command does.
//
// A hub with a certificate authority of its own is a stranger to the device:
// the command gets that first, without TLS, compares its SHA-256 with the one that this page knows,
// and believes nobody else from there on.

import type { Hub } from "./types";

export interface Place {
  /** Where the device downloads from; null where the page can be opened on the hub's computer only. */
  origin: string | null;
  /** Where its agent sends to, `host:port`. */
  agents: string;
  /** Whether it means this hub on every computer of the network. */
  anywhere: boolean;
  /** SHA-256 of the hub's own certificate authority, in hex, where downloads are by its TLS. */
  pin: string | null;
}

export type Way = "line" | "deb" | "card" | "hand";

const isLoopback = (host: string) => /^(localhost|.*\.localhost|127(\.\d+){3}|\[?::1\]?)$/i.test(host);
// As the hub's own commands decide it, without looking names up.
// A token has no business at a proxy, which could not reach such a hub.
const isNear = (host: string) =>
  isLoopback(host) ||
  /\.local$/i.test(host) ||
  /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))(\.\d+){2,3}$/.test(host) ||
  /^\[(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i.test(host);
const hostOf = (authority: string) => authority.replace(/:\d+$/, "");

/** Every way to the hub, the likeliest first; the last resort is loopback, which says so. */
export function places(
  hub: Pick<Hub, "addresses" | "udp_port" | "tls">,
  here: { origin: string; hostname: string },
): Place[] {
  const { url, page, agents } = hub.addresses;
  const found: Place[] = [];
  const add = (origin: string | null, host: string) => {
    if (isLoopback(host) || found.some((one) => hostOf(one.agents) === host)) return;
    const pin =
      origin?.startsWith("https:") && hub.tls?.fingerprint
        ? hub.tls.fingerprint.replaceAll(":", "").toLowerCase()
        : null;
    found.push({ origin, agents: `${host}:${hub.udp_port}`, anywhere: true, pin });
  };
  if (url) add(url.replace(/\/+$/, ""), hostOf(url.replace(/^\w+:\/\//, "").replace(/\/.*$/, "")));
  add(here.origin, here.hostname);
  // A certificate of files is for names, as a rule, and for no address.
  for (const one of page)
    add(hub.tls === null ? `http://${one}` : hub.tls.mode === "auto" ? `https://${one}` : null, hostOf(one));
  for (const one of agents) add(null, hostOf(one));
  return found.length > 0
    ? found
    : [{ origin: null, agents: `${here.hostname}:${hub.udp_port}`, anywhere: false, pin: null }];
}

const has = (place: Place): place is Place & { origin: string } => place.origin !== null;

/** Whatever proxy the device has, it is not asked for what is near: by this option. */
const straight = (origin: string, option: string) =>
  isNear(hostOf(origin.replace(/^\w+:\/\//, ""))) ? `${option} ` : "";
const CURL = "--noproxy '*'";
// Both GNU's and BusyBox' wget know it; `--no-proxy` only GNU's.
const WGET = "-Y off";

type Download = (path: string, more?: string) => string;

/** Downloads of the hub from a device, by one of two programs, and what is done with them. */
function downloading(
  place: Place & { origin: string },
  program: "curl" | "wget",
  done: (download: Download) => string,
): string {
  const { origin, pin } = place;
  const [near, trust, save] =
    program === "curl"
      ? [straight(origin, CURL), "--cacert", "-sSo"]
      : [straight(origin, WGET), "--ca-certificate", "-qO"];
  const ca = pin === null ? "" : `${trust}${program === "curl" ? " " : "="}$c `;
  const download = (path: string, more = program === "curl" ? "-sS" : "-qO-") =>
    `${program} ${near}${ca}${more} '${origin}${path}'`;
  if (pin === null) return done(download);
  const same = `[ "$(grep -v - $c | base64 -d | sha256sum | cut -c-64)" = ${pin} ]`;
  const fetched = `${program} ${near}${save} $c ${origin.replace(/^https:/, "http:")}/ca.crt`;
  const other = "echo 'device-agent: this is not the hub: its certificate is another' >&2";
  return `c=$(mktemp); ${fetched}; if ${same}; then ${done(download)}; else ${other}; fi; rm -f $c`;
}

/**
 * What is run on the device (on the hub, for a memory card);
 * null where it would hold an address that means nothing there.
 */
export function command(
  way: Way,
  place: Place,
  token: string | null,
  more: { machine: string; discovery: boolean },
): string | null {
  switch (way) {
    case "line":
      // Without -f: when the hub refuses, what it answers says why.
      return has(place) && token
        ? downloading(place, "curl", (get) => `${get(`/install.sh?token=${token}`)} | sh`)
        : null;
    case "deb":
      // The same: what the hub answers instead of the package is shown.
      return has(place) && token
        ? downloading(place, "curl", (get) => {
            const code = get(`/bundle/${more.machine}.deb?token=${token}`, "-sSo device-agent.deb -w '%{http_code}'");
            const cases =
              "200) dpkg -i device-agent.deb ;; [45]*) cat device-agent.deb; rm device-agent.deb; false ;; *) false ;;";
            return `case $(${code}) in ${cases} esac`;
          })
        : null;
    case "card":
      return place.anywhere
        ? `telemetry-hub flash --root /mnt/sdcard --hub ${place.agents} --join-token ${token ?? "new"}`
        : null;
    case "hand": {
      const where = more.discovery && place.anywhere ? "" : ` --hub ${place.agents}`;
      return `device-agent run${where}${token ? ` --join-token ${token}` : ""}`;
    }
  }
}

/** How a device without curl gets what the command of `line` gets. */
export function withoutCurl(place: Place, token: string): string | null {
  if (!has(place)) return null;
  return downloading(place, "wget", (get) => `${get(`/install.sh?token=${token}`)} | sh`);
}
