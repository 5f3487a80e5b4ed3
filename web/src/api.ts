// The hub's REST API, one typed function a question. Every call ends: answered, refused, or timed out.

import { pathTo } from "./base";
import type {
  Alert,
  AlertDetail,
  AskPreview,
  AuditEntry,
  Backtest,
  Delivery,
  DeliveryWithBody,
  Echo,
  Device,
  Door,
  Heartbeat,
  Hub,
  Invitation,
  InviteLink,
  JoinPolicy,
  JoinToken,
  JoinTokenWithText,
  Kind,
  Latest,
  Ledger,
  Millis,
  NewJoinToken,
  NewSilence,
  NewToken,
  NewTopicRule,
  NewWebhook,
  Page,
  Problem,
  QueryResult,
  RecoveryCodes,
  ReplayDeliveries,
  Replayed,
  Retention,
  RetentionPreview,
  RetentionRequest,
  Role,
  Rule,
  RulePreview,
  SecondFactorDraft,
  Sensor,
  SensorSet,
  Series,
  Session,
  SetupState,
  SignedIn,
  Silence,
  Swap,
  Token,
  TokenWithText,
  TopicRule,
  UnreadTopic,
  User,
  UserPatch,
  UserWithLink,
  Webhook,
  WebhookPatch,
  WebhookPreview,
  WebhookWithSecret,
} from "./types";

/** A hub on the same network answers in milliseconds; past this it is gone. */
const TIMEOUT_MS = 15_000;
/** Pages followed before a list is cut: 50 pages of 1,000 are more rows than a person reads. */
const PAGES = 50;

/** A refusal, with the hub's own words when it gave any. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | null,
    /** Seconds after which the hub wants to be asked again, if it says so. */
    readonly after: number | null = null,
  ) {
    super(
      problem?.detail || problem?.title || (status === 0 ? "The hub does not answer." : `The hub answered ${status}.`),
    );
  }
}

/** How often a busy hub is asked again before its refusal is shown. */
const BUSY_TRIES = 5;
/** Seconds before it is asked again: at most, and where the hub names none. */
const BUSY_MOST_S = 10;
const BUSY_USUAL_S = 2;

/** Asks, and asks a question again after a pause while the hub is too busy. What changes something is sent once. */
async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const isQuestion = method === "GET" || path === "/query";
  for (let tries = 1; ; tries++) {
    try {
      return await once<T>(method, path, body);
    } catch (error) {
      if (!isQuestion || tries >= BUSY_TRIES || !(error instanceof Refused) || error.status !== 503) throw error;
      // Not all at the same moment: charts that were refused together would be refused together again.
      const seconds = Math.min(error.after ?? BUSY_USUAL_S, BUSY_MOST_S) * (0.75 + Math.random() / 2);
      await new Promise((go) => setTimeout(go, seconds * 1_000));
    }
  }
}

async function once<T>(method: string, path: string, body?: unknown): Promise<T> {
  const request: RequestInit = { method, credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS) };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers = { "content-type": "application/json" };
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(pathTo(`/api/v1${path}`), request);
    text = await response.text();
  } catch {
    // No connection, or cut in the middle of the answer.
    throw new Refused(0, null);
  }
  const json: unknown = text !== "" && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null;
  if (!response.ok) {
    const after = Number(response.headers.get("retry-after") ?? "");
    throw new Refused(response.status, json as Problem | null, after > 0 ? after : null);
  }
  return json as T;
}

async function all<T>(path: string, limit = 1_000): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES; page++) {
    const join = path.includes("?") ? "&" : "?";
    const found: Page<T> = await call(
      "GET",
      `${path}${join}limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
    );
    items.push(...found.items);
    cursor = found.next;
    if (cursor === null) break;
  }
  return items;
}

/** A list that has no pages. */
async function whole<T>(path: string): Promise<T[]> {
  return (await call<Page<T>>("GET", path)).items;
}

const id = encodeURIComponent;
const iso = (at: Millis) => new Date(at).toISOString();

export const session = {
  /** Which hub it is, and whether its first password is still to be set. */
  door: () => call<SetupState>("GET", "/setup"),
  setup: (setup_token: string, password: string) => call<null>("POST", "/setup", { setup_token, password }),
  /**
   * Throws what the hub says of a setup token that is not good any more. Nothing is set by it: the hub looks at the
   * token first, and no password is empty.
   */
  checkSetup: async (setup_token: string): Promise<void> => {
    try {
      await call("POST", "/setup", { setup_token, password: "" });
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 0 || error.problem?.field === "setup_token") throw error;
    }
  },
  signIn: (who: { name?: string; password: string; code?: string }) => call<null>("POST", "/session", who),
  exchange: (login_code: string) => call<null>("POST", "/session", { login_code }),
  current: () => call<SignedIn>("GET", "/session"),
  /**
   * Why the hub, which answers, does not let the live connection begin;
   * null when it does not answer, or nothing is known.
   */
  bars: async (): Promise<string | null> => {
    try {
      // A socket tells no reason. No answer but to a GET is a stream:
      // one that may come from this page is refused for that alone.
      await call("POST", "/live");
    } catch (refused) {
      if (!(refused instanceof Refused) || refused.status === 0) return null;
      if (refused.status === 403 || refused.status === 421) return refused.message;
      if (refused.status === 405)
        return "The hub answers, but live updates do not come through: a proxy in between has to pass on WebSockets.";
    }
    return null;
  },
  signOut: () => call<null>("DELETE", "/session"),
  changePassword: (password: string, new_password: string) =>
    call<null>("PUT", "/password", { password, new_password }),
};

export const invitation = {
  look: (invitation: string) => call<Invitation>("POST", "/invitation", { invitation }),
  accept: (choice: { invitation: string; password: string; code?: string }) => call<null>("PUT", "/invitation", choice),
};

export const secondFactor = {
  prepare: (password: string) => call<SecondFactorDraft>("POST", "/second-factor", { password }),
  turnOn: (code: string) => call<RecoveryCodes>("PUT", "/second-factor", { code }),
  turnOff: (code: string) => call<null>("POST", "/second-factor/off", { code }),
  renew: (code: string) => call<RecoveryCodes>("POST", "/second-factor/recovery-codes", { code }),
};

export const users = {
  list: () => all<User>("/users"),
  create: (name: string, role: Role) => call<UserWithLink>("POST", "/users", { name, role }),
  change: (user: string, change: UserPatch) => call<User>("PATCH", `/users/${id(user)}`, change),
  remove: (user: string) => call<null>("DELETE", `/users/${id(user)}`),
  reset: (user: string) => call<InviteLink>("POST", `/users/${id(user)}/reset`),
  dropSecondFactor: (user: string) => call<null>("DELETE", `/users/${id(user)}/second-factor`),
};

export const sessions = {
  list: () => all<Session>("/sessions"),
  end: (session: string) => call<null>("DELETE", `/sessions/${id(session)}`),
  endOthers: () => call<null>("DELETE", "/sessions"),
};

export const audit = {
  page: (limit: number, cursor: string | null) =>
    call<Page<AuditEntry>>("GET", `/audit?limit=${limit}${cursor === null ? "" : `&cursor=${id(cursor)}`}`),
};

export const hub = {
  /** Counters in the text format of Prometheus; empty when the hub keeps them to itself. */
  metrics: async () => {
    try {
      const answer = await fetch(pathTo("/metrics"), { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
      return answer.ok ? await answer.text() : "";
    } catch {
      return "";
    }
  },
  get: () => call<Hub>("GET", "/hub"),
  join: (policy: JoinPolicy) => call<Hub>("PATCH", "/hub", { join: { policy } }),
  openFor: (span: string) => call<Hub>("PATCH", "/hub", { join: { open_for: span } }),
};

export const retention = {
  get: () => call<Retention>("GET", "/retention"),
  replace: (kept: RetentionRequest) => call<Retention>("PUT", "/retention", kept),
  /** What that would delete right away; changes nothing. */
  preview: (kept: RetentionRequest) => call<RetentionPreview>("POST", "/retention/preview", kept),
};

export const doors = {
  list: () => whole<Door>("/doors"),
  /** Topics of MQTT that nobody understands. */
  unread: () => whole<UnreadTopic>("/doors/mqtt/unread"),
  rules: () => whole<TopicRule>("/doors/mqtt/rules"),
  addRule: (rule: NewTopicRule) => call<TopicRule>("POST", "/doors/mqtt/rules", rule),
  removeRule: (rule: string) => call<null>("DELETE", `/doors/mqtt/rules/${id(rule)}`),
};

export const heartbeat = {
  get: () => call<Heartbeat>("GET", "/heartbeat"),
  /** Has another address called, at once and then each minute; null for none. */
  set: (url: string | null) => call<Heartbeat>("PUT", "/heartbeat", { url }),
  send: () => call<Heartbeat>("POST", "/heartbeat/send", {}),
};

export const devices = {
  /** Six words come only with devices that wait: only those are compared by them, and they are most of a long list. */
  list: () => all<Device>("/devices?words=pending"),
  get: (device: string) => call<Device>("GET", `/devices/${id(device)}`),
  change: (
    device: string,
    change: { name?: string; labels?: Record<string, string>; interval_ms?: number | null; notes?: string },
  ) => call<Device>("PATCH", `/devices/${id(device)}`, change),
  remove: (device: string) => call<null>("DELETE", `/devices/${id(device)}`),
  /** Forgets the device but keeps its readings. */
  forget: (device: string) => call<Device>("POST", `/devices/${id(device)}/forget`, {}),
  adopt: (device: string, name?: string) => call<Device>("POST", `/devices/${id(device)}/adopt`, name ? { name } : {}),
  block: (device: string) => call<Device>("POST", `/devices/${id(device)}/block`, {}),
  /** New hardware takes its place: `by` waits to be adopted, or is a device already. */
  replace: (device: string, by: string) => call<Device>("POST", `/devices/${id(device)}/replace`, { by }),
  /** When that happened. */
  swaps: async (device: string) => (await call<Page<Swap>>("GET", `/devices/${id(device)}/swaps`)).items,
  /** What became of its readings of the last day; only the sum is read. */
  ledger: (device: string) => call<Ledger>("GET", `/devices/${id(device)}/ledger?limit=1`),
  /** Sets the kind of a sensor, whatever its sender says; null goes back to the sender's word. */
  setKind: (device: string, sensor: string, kind: Kind | null) =>
    call<Sensor>("PATCH", `/devices/${id(device)}/sensors/${id(sensor)}`, { kind }),
  sensors: async (device: string) => (await call<Page<Sensor>>("GET", `/devices/${id(device)}/sensors`)).items,
  /** Which sensors all of them have in common. */
  sensorSets: async () => (await call<Page<SensorSet>>("GET", "/sensor-sets")).items,
};

export const readings = {
  /** The newest value of these sensors of these devices; of all where none is named. */
  latest: (devices: readonly string[], sensors: readonly string[]) => {
    const named = [
      ...devices.map((device) => `device=${id(device)}`),
      ...sensors.map((sensor) => `sensor=${id(sensor)}`),
    ];
    return all<Latest>(`/latest${named.length > 0 ? `?${named.join("&")}` : ""}`);
  },
  /**
   * Several windows in one request: a browser has six connections, a page may have fifty charts.
   * Only the figures that a chart draws, and only buckets that hold some: without first and last values a year is
   * answered from what is kept of each five minutes.
   */
  query: async (
    queries: {
      device: string[];
      sensor: string[];
      from: Millis;
      to: Millis;
      points: number;
      counters?: string[];
      agg?: string[];
    }[],
  ) => {
    const figures = ["count", "min", "avg", "max"];
    // What a counter does in a second only the hub can tell: it knows what came before, and what a fall was.
    const asked = queries
      .flatMap(({ counters = [], agg = figures, sensor, ...query }) => [
        { ...query, sensor: sensor.filter((one) => !counters.includes(one)), agg },
        { ...query, sensor: counters, agg: [...agg, "rate"] },
      ])
      .filter((query) => query.sensor.length > 0)
      .map((query) => ({ ...query, empty: "omit", from: iso(query.from), to: iso(query.to) }));
    return (await call<{ results: QueryResult[] }>("POST", "/query", { queries: asked })).results;
  },
  /** Each of some readings, in so short a time that there are few. */
  each: (device: string, sensor: string, from: Millis, to: Millis) =>
    all<[Millis, number]>(`/readings?device=${id(device)}&sensor=${id(sensor)}&from=${from}&to=${to}`),
  /** How much a counter counted, by hour, day or whatever `every` says. */
  amounts: async (device: string, sensor: string, from: Millis, to: Millis, every: string, tz: string) => {
    const query = { device: [device], sensor: [sensor], from: iso(from), to: iso(to), every, tz, agg: ["increase"] };
    const [result] = (await call<{ results: QueryResult[] }>("POST", "/query", { queries: [query] })).results;
    return result?.series[0] as (Series & { increase: (number | null)[] }) | undefined;
  },
};

export type RuleDraft = Omit<
  Rule,
  | "id"
  | "version"
  | "needs"
  | "missing"
  | "watches"
  | "message_problem"
  | "made_by"
  | "source"
  | "created_at"
  | "updated_at"
>;

/** A rule to look at: it needs no name. */
export type UnnamedRule = Omit<RuleDraft, "name" | "tags"> & Partial<Pick<RuleDraft, "name" | "tags">>;

export const rules = {
  list: () => all<Rule>("/rules"),
  create: (rule: RuleDraft) => call<Rule>("POST", "/rules", rule),
  replace: (rule: string, draft: RuleDraft) => call<Rule>("PUT", `/rules/${id(rule)}`, draft),
  remove: (rule: string) => call<null>("DELETE", `/rules/${id(rule)}`),
  preview: (rule: UnnamedRule, of: string | null) =>
    call<RulePreview>("POST", "/rules/preview", of === null ? { rule } : { rule, id: of }),
  /** What the rule would have done in the last day or in `during`, and what differs from another version of it. */
  backtest: (rule: UnnamedRule, against: UnnamedRule | null, during: { from: Millis; to: Millis } | null = null) =>
    call<Backtest>("POST", "/rules/backtest", {
      rule,
      ...(against === null ? {} : { against }),
      ...(during === null ? {} : { from: during.from, to: during.to }),
    }),
};

export const silences = {
  list: () => all<Silence>("/silences"),
  create: (silence: NewSilence) => call<Silence>("POST", "/silences", silence),
  remove: (silence: string) => call<null>("DELETE", `/silences/${id(silence)}`),
};

export const alerts = {
  /** What fires, or may still, however long ago it began; `past` is the newest page of what is over as well. */
  list: async (past: boolean) => {
    const [newest, firing] = await Promise.all([
      past ? call<Page<Alert>>("GET", "/alerts?limit=200") : null,
      all<Alert>("/alerts?state=firing&state=unknown"),
    ]);
    return [...(newest?.items ?? []), ...firing];
  },
  /** A page, newest first, of what the query says. */
  page: (query: string) => call<Page<Alert>>("GET", `/alerts?${query}`),
  one: (alert: string) => call<AlertDetail>("GET", `/alerts/${id(alert)}`),
  ack: (alert: string, comment?: string) => call<Alert>("POST", `/alerts/${id(alert)}/ack`, comment ? { comment } : {}),
  ackAll: (alerts: readonly string[]) => call<{ acknowledged: number }>("POST", "/alerts/ack", { alerts }),
};

export const webhooks = {
  list: () => all<Webhook>("/webhooks"),
  create: (webhook: NewWebhook) => call<WebhookWithSecret>("POST", "/webhooks", webhook),
  change: (webhook: string, change: WebhookPatch) => call<Webhook>("PATCH", `/webhooks/${id(webhook)}`, change),
  preview: (asked: AskPreview) => call<WebhookPreview>("POST", "/webhooks/preview", asked),
  addToRules: (webhook: string) => call<Webhook>("POST", `/webhooks/${id(webhook)}/add-to-rules`, {}),
  remove: (webhook: string) => call<null>("DELETE", `/webhooks/${id(webhook)}`),
  test: (webhook: string) => call<Delivery>("POST", `/webhooks/${id(webhook)}/test`, {}),
  echoUnsaved: (asked: AskPreview) => call<Echo>("POST", "/webhooks/echo", asked),
  echo: (webhook: string) => call<Echo>("POST", `/webhooks/${id(webhook)}/echo`, {}),
  rotate: (webhook: string) => call<WebhookWithSecret>("POST", `/webhooks/${id(webhook)}/rotate-secret`, {}),
  replayFailed: (webhook: string) => call<Replayed>("POST", "/deliveries/replay", { webhook, state: "failed" }),
  replayMany: (which: ReplayDeliveries) => call<Replayed>("POST", "/deliveries/replay", which),
  delivery: (delivery: string) => call<DeliveryWithBody>("GET", `/deliveries/${id(delivery)}`),
  replay: (delivery: string) => call<Delivery>("POST", `/deliveries/${id(delivery)}/replay`, {}),
  deliveries: async (webhook: string) =>
    (await call<Page<Delivery>>("GET", `/deliveries?webhook=${id(webhook)}&limit=50`)).items,
};

export const tokens = {
  list: () => all<Token>("/tokens"),
  create: (token: NewToken) => call<TokenWithText>("POST", "/tokens", token),
  revoke: (token: string) => call<null>("DELETE", `/tokens/${id(token)}`),
  listJoin: () => all<JoinToken>("/join-tokens"),
  createJoin: (token: NewJoinToken) => call<JoinTokenWithText>("POST", "/join-tokens", token),
  revokeJoin: (token: string) => call<null>("DELETE", `/join-tokens/${id(token)}`),
};
