// Everything the page knows, and the only place it changes. PURE: `update` reads no clock and starts nothing.
//
// The points of open charts are not here: they arrive ten times a second and are drawn, never compared
// (`chart/board.ts` keeps them). What people read, ages and last values, is.

import { pathTo } from "./base";
import { CLOCK_JITTER_MS, known, type LatestByDevice, measured } from "./latest";
import type { Route } from "./route";
import type {
  Alert,
  Delivery,
  Device,
  Hub,
  Invitation,
  JoinToken,
  Latest,
  LiveMessage,
  Millis,
  Row,
  Rule,
  SensorSet,
  Session as SignedInBrowser,
  SignedIn,
  Silence,
  Token,
  Webhook,
} from "./types";
import { clean, millis } from "./format";
import { ruleName, silenceOver } from "./alert";
import { age, merged, NOTHING_TOLD, overtaken, tellAll, type Told } from "./told";

/** Deliveries kept a webhook; older ones are one page further in the hub. */
const DELIVERIES_SHOWN = 50;
/** More toasts than these would cover the page they warn about. */
const TOASTS_SHOWN = 3;

export type Session =
  | { kind: "unknown" }
  | { kind: "setup"; token: string | null }
  | { kind: "invited"; code: string; of: Invitation }
  | { kind: "anonymous" }
  | { kind: "in"; me: SignedIn };

interface Toast {
  id: string;
  tone: "alert" | "error" | "done";
  text: string;
  href: string | null;
  /** How many alerts it tells of. */
  alerts?: number;
}

export type Connection = "connecting" | "live" | "reconnecting";

/** What the stream says of a device, with the turn at which it came. */
export type DeviceEvent = Extract<LiveMessage, { type: "device" }> & { turn: number };

/** What it says of an alert or of a delivery. */
export type ThingEvent = Extract<LiveMessage, { type: "alert" | "delivery" }> & { turn: number };

export interface State {
  session: Session;
  route: Route;
  connection: Connection;
  /** Server time at which the stream was lost, or at which it was first waited for; null while it is live. */
  lostAt: Millis | null;
  /** What keeps the stream from the page although the hub answers; null where nothing is known of it. */
  barred: string | null;
  /** What the stream said while answers were on their way. */
  told: Told;
  /** The newest question of each kind that was answered: an older one is not news. */
  answered: Readonly<Record<string, number>>;
  /** How often the live stream began: a chart refills when this changes. */
  streams: number;
  /** Server clock minus browser clock. */
  skew: Millis;
  /** Server time of the last tick. */
  now: Millis;
  hub: Hub | null;
  devices: Readonly<Record<string, Device>> | null;
  /** Whether `devices` holds all of them: the screen of one device does without the others. */
  listed: boolean;
  latest: LatestByDevice;
  /** Which sensors the devices have in common: the columns of their list. */
  sensorSets: readonly SensorSet[] | null;
  alerts: Readonly<Record<string, Alert>> | null;
  rules: readonly Rule[] | null;
  silences: readonly Silence[] | null;
  webhooks: readonly Webhook[] | null;
  deliveries: Readonly<Record<string, readonly Delivery[]>>;
  tokens: readonly Token[] | null;
  sessions: readonly SignedInBrowser[] | null;
  joinTokens: readonly JoinToken[] | null;
  toasts: readonly Toast[];
}

export type Msg =
  | { kind: "session"; session: Session }
  | { kind: "route"; route: Route }
  | { kind: "tick"; at: Millis }
  | { kind: "connection"; connection: Connection }
  | { kind: "barred"; why: string | null }
  | { kind: "live"; message: LiveMessage; at: Millis; turn: number }
  | { kind: "readings"; rows: readonly Row[] }
  | { kind: "hub"; hub: Hub; asked: number }
  | { kind: "devices"; devices: readonly Device[]; asked: number }
  | { kind: "device"; device: Device; asked: number }
  | { kind: "device events"; events: readonly DeviceEvent[] }
  | { kind: "thing events"; events: readonly ThingEvent[] }
  | { kind: "device removed"; id: string }
  | { kind: "latest"; items: readonly Latest[] }
  | { kind: "sensor sets"; sets: readonly SensorSet[]; asked: number }
  | { kind: "alerts"; alerts: readonly Alert[]; asked: number }
  | { kind: "alert"; alert: Alert; asked: number }
  | { kind: "rules"; rules: readonly Rule[]; asked: number }
  | { kind: "silences"; silences: readonly Silence[]; asked: number }
  | { kind: "webhooks"; webhooks: readonly Webhook[]; asked: number }
  | { kind: "deliveries"; webhook: string; deliveries: readonly Delivery[]; asked: number }
  | { kind: "delivery"; delivery: Delivery; asked: number }
  | { kind: "sessions"; sessions: readonly SignedInBrowser[]; asked: number }
  | { kind: "tokens"; tokens: readonly Token[]; joinTokens: readonly JoinToken[]; asked: number }
  | { kind: "toast"; toast: Toast }
  | { kind: "toast closed"; id: string };

export function initial(route: Route, now: Millis): State {
  return {
    session: { kind: "unknown" },
    route,
    connection: "connecting",
    lostAt: now,
    barred: null,
    told: NOTHING_TOLD,
    answered: {},
    streams: 0,
    skew: 0,
    now,
    hub: null,
    devices: null,
    listed: false,
    latest: {},
    sensorSets: null,
    alerts: null,
    rules: null,
    silences: null,
    webhooks: null,
    deliveries: {},
    tokens: null,
    sessions: null,
    joinTokens: null,
    toasts: [],
  };
}

export function update(state: State, msg: Msg): State {
  switch (msg.kind) {
    case "session":
      // Nothing of one session may show in the next.
      return msg.session.kind === "in"
        ? { ...state, session: msg.session }
        : {
            ...initial(state.route, state.now),
            session: msg.session,
            toasts: state.session.kind === "in" ? [] : state.toasts,
          };
    case "route":
      return { ...state, route: msg.route };
    case "tick":
      return { ...state, now: msg.at + state.skew, told: age(state.told, msg.at) };
    case "connection":
      if (state.connection === msg.connection) return state;
      return {
        ...state,
        connection: msg.connection,
        lostAt: msg.connection === "live" ? null : (state.lostAt ?? state.now),
      };
    case "barred":
      return state.connection === "live" || state.barred === msg.why ? state : { ...state, barred: msg.why };
    case "live":
      return heard(state, msg.message, msg.at, msg.turn);
    case "readings":
      return { ...state, latest: measured(state.latest, msg.rows, state.now) };
    case "hub":
      return news(state, "hub", msg.asked, { hub: msg.hub });
    case "devices":
      return news(state, "devices", msg.asked, {
        listed: true,
        devices: merged(state.told, "device", msg.devices, state.devices, msg.asked),
      });
    case "device":
      if (overtaken(state.told, `device ${msg.device.id}`, msg.asked)) return state;
      return { ...state, devices: { ...state.devices, [msg.device.id]: msg.device } };
    case "device events": {
      const devices = { ...state.devices };
      let { latest } = state;
      const keys: [string, number][] = [];
      for (const event of msg.events) {
        const id = event.removed ?? event.device?.id;
        if (!id) continue;
        keys.push([`device ${id}`, event.turn]);
        if (event.device) {
          devices[id] = event.device;
        } else {
          delete devices[id];
          latest = without(latest, id);
        }
      }
      return { ...state, devices, latest, told: tellAll(state.told, keys) };
    }
    case "thing events":
      return things(state, msg.events);
    case "device removed":
      return { ...state, devices: without(state.devices ?? {}, msg.id), latest: without(state.latest, msg.id) };
    case "latest":
      return { ...state, latest: known(state.latest, msg.items, state.now) };
    case "sensor sets":
      return news(state, "sensor sets", msg.asked, { sensorSets: msg.sets });
    case "alerts":
      return news(state, "alerts", msg.asked, {
        alerts: merged(state.told, "alert", msg.alerts, state.alerts, msg.asked),
      });
    case "alert":
      if (overtaken(state.told, `alert ${msg.alert.id}`, msg.asked)) return state;
      return { ...state, alerts: { ...state.alerts, [msg.alert.id]: msg.alert } };
    case "rules":
      return news(state, "rules", msg.asked, { rules: msg.rules });
    case "silences":
      return news(state, "silences", msg.asked, { silences: msg.silences });
    case "webhooks":
      return news(state, "webhooks", msg.asked, { webhooks: msg.webhooks });
    case "deliveries": {
      const present = Object.fromEntries((state.deliveries[msg.webhook] ?? []).map((one) => [one.id, one]));
      const list = Object.values(merged(state.told, "delivery", msg.deliveries, present, msg.asked));
      return news(state, `deliveries ${msg.webhook}`, msg.asked, {
        deliveries: { ...state.deliveries, [msg.webhook]: newestFirst(list) },
      });
    }
    case "delivery":
      if (overtaken(state.told, `delivery ${msg.delivery.id}`, msg.asked)) return state;
      return { ...state, deliveries: withDelivery(state.deliveries, msg.delivery) };
    case "sessions":
      return news(state, "sessions", msg.asked, { sessions: msg.sessions });
    case "tokens":
      return news(state, "tokens", msg.asked, { tokens: msg.tokens, joinTokens: msg.joinTokens });
    case "toast":
      return {
        ...state,
        toasts: [...state.toasts.filter((toast) => toast.id !== msg.toast.id), msg.toast].slice(-TOASTS_SHOWN),
      };
    case "toast closed":
      return { ...state, toasts: state.toasts.filter((toast) => toast.id !== msg.id) };
  }
}

/** When a device was last heard: by the hub's word or by its newest reading, whichever is later. */
export function lastHeard(state: Pick<State, "latest" | "now">, device: Device): Millis | null {
  let at = millis(device.last_seen);
  for (const value of Object.values(state.latest[device.id] ?? {})) {
    const measured = Date.parse(value.at);
    // A device whose clock runs ahead is not heard in the future.
    if (measured > (at ?? 0) && measured <= state.now + CLOCK_JITTER_MS) at = measured;
  }
  return at;
}

/** Of when its newest reading is, by the device's own clock. */
export function newestReading(state: Pick<State, "latest">, device: Device): Millis | null {
  const times = Object.values(state.latest[device.id] ?? {}).map((value) => Date.parse(value.at));
  return times.length === 0 ? null : Math.max(...times);
}

export function firing(state: Pick<State, "alerts">): Alert[] {
  return Object.values(state.alerts ?? {}).filter((alert) => alert.state === "firing");
}

/** Firing, and nobody has said yet that they know: what the badge counts. */
export function unseen(state: Pick<State, "alerts" | "silences" | "now">): Alert[] {
  return firing(state).filter(
    (alert) => alert.acked_at === null && !alert.inhibited_by && silenceOver(state.silences, alert, state.now) === null,
  );
}

/** Whether what the page shows may be out of date: nothing comes from the hub. */
export function isLost(state: Pick<State, "connection">): boolean {
  return state.connection !== "live";
}

/** Takes an answer, unless a later question of that kind was answered before. */
function news(state: State, kind: string, asked: number, change: Partial<State>): State {
  if (asked < (state.answered[kind] ?? -1)) return state;
  return { ...state, ...change, answered: { ...state.answered, [kind]: asked } };
}

function heard(state: State, message: LiveMessage, at: Millis, turn: number): State {
  switch (message.type) {
    case "hello":
      return {
        ...state,
        connection: "live",
        lostAt: null,
        barred: null,
        streams: state.streams + 1,
        skew: message.server_time - at,
        now: message.server_time,
      };
    case "device":
      return update(state, { kind: "device events", events: [{ ...message, turn }] });
    case "alert":
    case "delivery":
      return update(state, { kind: "thing events", events: [{ ...message, turn }] });
    // Rows go to the charts at once and to `readings` once a second; a gap makes the charts ask again.
    case "snapshot":
    case "readings":
    case "gap":
    case "error":
      return state;
    default:
      // A newer hub may say more than this page understands.
      return state;
  }
}

/** What came of alerts and deliveries, in one step: of a thousand at once each list is copied once. */
function things(state: State, events: readonly ThingEvent[]): State {
  const keys: [string, number][] = [];
  const alerts = { ...state.alerts };
  const delivered = new Map<string, Map<string, Delivery>>();
  const begun: Alert[] = [];
  for (const event of events) {
    if (event.type === "delivery") {
      const { delivery } = event;
      keys.push([`delivery ${delivery.id}`, event.turn]);
      if (!delivered.has(delivery.webhook)) delivered.set(delivery.webhook, new Map());
      delivered.get(delivery.webhook)!.set(delivery.id, delivery);
      continue;
    }
    const { alert, removed } = event;
    const id = removed ?? alert?.id;
    if (!id) continue;
    keys.push([`alert ${id}`, event.turn]);
    const before = alerts[id]?.state;
    if (!alert) {
      delete alerts[id];
      continue;
    }
    alerts[id] = alert;
    if (
      alert.state === "firing" &&
      before !== "firing" &&
      // It goes on: it was told before.
      before !== "unknown" &&
      alert.acked_at === null &&
      !alert.inhibited_by &&
      silenceOver(state.silences, alert, state.now) === null
    )
      begun.push(alert);
  }
  const deliveries = { ...state.deliveries };
  for (const [webhook, fresh] of delivered) {
    const others = (deliveries[webhook] ?? []).filter(({ id }) => !fresh.has(id));
    deliveries[webhook] = newestFirst([...[...fresh.values()].reverse(), ...others]);
  }
  const hasAlerts = events.some(({ type }) => type === "alert");
  const next = {
    ...state,
    told: tellAll(state.told, keys),
    alerts: hasAlerts && (state.alerts || Object.keys(alerts).length > 0) ? alerts : state.alerts,
  };
  const told = delivered.size > 0 ? { ...next, deliveries } : next;
  return begun.length === 0 ? told : update(told, { kind: "toast", toast: alertToast(begun, state.toasts) });
}

/** One toast for all alerts that come while it is there: three hundred of them would cover the page for minutes. */
function alertToast(begun: readonly Alert[], toasts: readonly Toast[]): Toast {
  const alerts = (toasts.find(({ id }) => id === "alerts")?.alerts ?? 0) + begun.length;
  const alert = begun.at(-1)!;
  const text = `${clean(ruleName(alert))}: ${clean(alert.device_name)}`;
  return {
    id: "alerts",
    tone: "alert",
    text: alerts === 1 ? text : `${text}, and ${alerts - 1} more`,
    href: pathTo("/a"),
    alerts,
  };
}

function withDelivery(deliveries: State["deliveries"], delivery: Delivery): State["deliveries"] {
  const others = (deliveries[delivery.webhook] ?? []).filter(({ id }) => id !== delivery.id);
  return { ...deliveries, [delivery.webhook]: newestFirst([delivery, ...others]) };
}

function newestFirst(deliveries: readonly Delivery[]): Delivery[] {
  return [...deliveries].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at)).slice(0, DELIVERIES_SHOWN);
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _, ...rest } = record;
  return rest;
}
