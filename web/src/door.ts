// What doors say in a word, said to people; and what is guessed of a topic nobody understands. PURE.

const MEANS: Record<string, string> = {
  not_allowed: "from a network that is not allowed",
  cut: "cut within a line",
  too_long: "too long",
  invalid: "not as they should be",
  not_taken: "of a device or sensor that is not taken, or that would be new and has no place",
  busy: "no room at the moment",
  disk_full: "the disk is full",
  too_fast: "faster than one a millisecond",
  replaced: "another reading of the same sensor and moment came behind",
  kernel: "came faster than they were read",
  slow: "a line that was begun and not ended",
  full: "one connection too many",
  unreachable: "no answer, or none that is a page of metrics",
  too_many_new: "too many new devices or sensors at once",
  unanswered: "the sender left before it was answered",
  text: "texts that are no number",
  binary: "no text",
  no_number: "JSON without a number",
  too_many_numbers: "too many numbers in one message",
  too_many_devices: "one more device by its topic alone",
  name: "a name that cannot be one",
  template: "a template that is not followed",
};

interface Refusal {
  reason: string;
  count: number;
  means: string;
}

/** What was refused, most first. */
export function refusals(refused: Record<string, number>): Refusal[] {
  return Object.entries(refused)
    .map(([reason, count]) => ({ reason, count, means: whyUnread(reason) }))
    .sort((a, b) => b.count - a.count);
}

export function whyUnread(reason: string): string {
  return MEANS[reason] ?? reason.replaceAll("_", " ");
}

/** A rule as it is begun for a topic. */
export interface Guess {
  topic: string;
  device: string;
  sensor: string;
  value: string;
  on: string;
  off: string;
}

/** What a topic and its last message look like: the last level is the sensor, a text is one of two words. */
export function guess(topic: string, payload: string): Guess {
  const levels = topic.split("/").filter((level) => level !== "");
  const sensor = levels.pop() ?? topic;
  const first = pointer(payload);
  const text = payload.trim();
  const isWord = first === null && text !== "" && text.length <= 40;
  return {
    topic,
    device: levels.join("/") || topic,
    sensor,
    value: first ?? "",
    on: isWord ? text : "",
    off: "",
  };
}

/** Where the first value in JSON stands; null when it is no object. */
function pointer(payload: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    return null;
  }
  let path = "";
  while (typeof value === "object" && value !== null) {
    const [entry] = Object.entries(value);
    if (!entry) return path;
    path += `/${entry[0].replaceAll("~", "~0").replaceAll("/", "~1")}`;
    value = entry[1];
  }
  return path === "" ? null : path;
}

/** The stanza of Telegraf. */
export function telegraf(origin: string): string {
  return [
    "[[outputs.influxdb_v2]]",
    `  urls = ["${origin}"]`,
    '  token = "TOKEN"',
    '  organization = "any"',
    '  bucket = "any"',
  ].join("\n");
}

/** A reading by HTTP. */
export function curl(origin: string): string {
  const reading = { sensor: "temperature", value: 21.5, unit: "Cel" };
  const body = JSON.stringify({ device: "shed", readings: [reading] });
  const heads = '-H "Authorization: Bearer TOKEN" -H "Content-Type: application/json"';
  return `curl ${heads} ${origin}/api/v1/readings -d '${body}'`;
}

/** What every SDK of OpenTelemetry reads. */
export function otlp(origin: string): string {
  return [
    `export OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=${origin}/v1/metrics`,
    "export OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf",
    'export OTEL_EXPORTER_OTLP_METRICS_HEADERS="Authorization=Bearer%20TOKEN"',
  ].join("\n");
}

/** The stanza of Prometheus. */
export function prometheus(origin: string): string {
  return ["remote_write:", `  - url: ${origin}/api/v1/write`, "    authorization: { credentials: TOKEN }"].join("\n");
}
