// What the page reads of the hub's /metrics: counters that no REST answer repeats. PURE.

/** Counters by name; those of one name that differ by one label, by `name label`. */
export type Metrics = ReadonlyMap<string, number>;

/** The text format of Prometheus, as far as the hub writes it: comments and buckets are left out. */
export function parseMetrics(text: string): Metrics {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, label, value] = /^(\w+)(?:\{\w+="([^"]*)"\})? (\S+)$/.exec(line) ?? [];
    if (name && !name.endsWith("_bucket")) found.set(label === undefined ? name : `${name} ${label}`, Number(value));
  }
  return found;
}

/** What a dropped datagram means to whoever runs the hub; a packet that cannot be read is none of these. */
const REASONS: Record<string, string> = {
  repeat: "received twice and counted once; nothing is lost",
  replayed: "an old packet was repeated; harmless unless it continues",
  not_authentic: "not encrypted for this hub: a stranger, or a device that was removed",
  unknown_session: "from a connection before the hub restarted; the device connects again",
  ingest_queue: "the hub was busy; devices send it again",
  overload: "dropped under high load; devices send it again",
  device_rate: "one device sent faster than allowed; it sends again more slowly",
  window_full: "too far ahead of what is missing; the device sends it again",
  handshake_rate: "too many devices joined at once; they try again",
  handshake_queue: "too many devices joined at once; they try again",
  cookie_rate: "too many connection attempts at once; devices try again",
  handshake_replay: "an old connection attempt was repeated",
  not_admitted: "no valid join token",
  not_adopted: "from a device that was not approved",
  unknown_sensor: "readings came before the sensor's name; the device sends them again",
  send_queue: "the network was busy; devices ask again",
  probe_rate: "too many searches for a hub from one address",
  pending_full: "too many devices ask to join",
  device_limit: "maximum number of devices reached: delete some, or raise --max-devices",
  series_limit: "maximum number of sensors reached: delete devices, or raise --max-series",
  identity_in_use: "from another machine with the identity of a device",
  replaced: "from hardware that was replaced",
  foreign_handshake: "meant for another hub",
  probe_off_link: "search from another network, ignored",
  probe_port: "search from a reserved port, ignored as possible spoofing",
  probe_version: "a search by a device of another version",
};

interface Drop {
  reason: string;
  count: number;
  means: string;
}

/** Datagrams not taken, most frequent first. */
export function drops(metrics: Metrics): Drop[] {
  const prefix = "hub_udp_dropped_total ";
  return [...metrics]
    .filter(([name, count]) => name.startsWith(prefix) && count > 0)
    .map(([name, count]) => ({ reason: name.slice(prefix.length), count }))
    .map(({ reason, count }) => ({
      reason: reason.replaceAll("_", " "),
      count,
      means: REASONS[reason] ?? "not a packet of this protocol, or damaged",
    }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

/** Mean seconds of one commit between two looks; null when there was none. */
export function commitSeconds(before: Metrics, now: Metrics): number | null {
  const grown = (name: string) => (now.get(name) ?? 0) - (before.get(name) ?? 0);
  const commits = grown("hub_commits_total");
  return commits > 0 ? grown("hub_commit_seconds_total") / commits : null;
}
