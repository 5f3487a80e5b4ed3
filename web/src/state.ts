// Everything the page knows, and the only place it changes. PURE: `update` reads no clock and starts nothing.
//
// The points of open charts are not here: they arrive ten times a second and are drawn, never compared
// (`chart/board.ts` keeps them). What people read, ages and last values, is.

import type { Route } from "./route";
import type { Alert, Delivery, Device, Hub, JoinToken, Latest, LiveMessage, Millis, Row, Rule, Silence, Token, Webhook } from "./types";
import { clean, millis } from "./format";

/** Deliveries kept a webhook; older ones are one page further in the hub. */
const DELIVERIES_SHOWN = 50;
/** More toasts than these would cover the page they warn about. */
const TOASTS_SHOWN = 3;

/** Clocks of hub and device agree within this; beyond it a reading's own time says nothing about when it was heard. */
const CLOCK_JITTER_MS = 5_000;

export type Session =
  | { kind: "unknown" }
  | { kind: "setup"; token: string | null }
  | { kind: "anonymous" }
  | { kind: "admin" };

export interface Toast {
  id: string;
  tone: "alert" | "error" | "done";
  text: string;
  href: string | null;
}

export type Connection = "connecting" | "live" | "reconnecting";

export interface State {
  session: Session;
  route: Route;
  connection: Connection;
  /** How often the live stream began: a chart refills when this changes. */
  streams: number;
  /** Server clock minus browser clock. */
  skew: Millis;
  /** Server time of the last tick. */
  now: Millis;
  hub: Hub | null;
  devices: Readonly<Record<string, Device>> | null;
  latest: Readonly<Record<string, Readonly<Record<string, Latest>>>>;
  alerts: Readonly<Record<string, Alert>> | null;
  rules: readonly Rule[] | null;
  silences: readonly Silence[] | null;
  webhooks: readonly Webhook[] | null;
  deliveries: Readonly<Record<string, readonly Delivery[]>>;
  tokens: readonly Token[] | null;
  joinTokens: readonly JoinToken[] | null;
  toasts: readonly Toast[];
}

export type Msg =
  | { kind: "session"; session: Session }
  | { kind: "route"; route: Route }
  | { kind: "tick"; at: Millis }
  | { kind: "connection"; connection: Connection }
  | { kind: "live"; message: LiveMessage; at: Millis }
  | { kind: "readings"; rows: readonly Row[] }
  | { kind: "hub"; hub: Hub }
  | { kind: "devices"; devices: readonly Device[] }
  | { kind: "device"; device: Device }
  | { kind: "device events"; events: readonly Extract<LiveMessage, { type: "device" }>[] }
  | { kind: "device removed"; id: string }
  | { kind: "latest"; items: readonly Latest[] }
  | { kind: "alerts"; alerts: readonly Alert[] }
  | { kind: "alert"; alert: Alert }
  | { kind: "rules"; rules: readonly Rule[] }
  | { kind: "silences"; silences: readonly Silence[] }
  | { kind: "webhooks"; webhooks: readonly Webhook[] }
  | { kind: "deliveries"; webhook: string; deliveries: readonly Delivery[] }
  | { kind: "tokens"; tokens: readonly Token[]; joinTokens: readonly JoinToken[] }
  | { kind: "toast"; toast: Toast }
  | { kind: "toast closed"; id: string };

export function initial(route: Route, now: Millis): State {
  return {
    session: { kind: "unknown" },
    route,
    connection: "connecting",
    streams: 0,
    skew: 0,
    now,
    hub: null,
    devices: null,
    latest: {},
    alerts: null,
    rules: null,
    silences: null,
    webhooks: null,
    deliveries: {},
    tokens: null,
    joinTokens: null,
    toasts: [],
  };
}

export function update(state: State, msg: Msg): State {
  switch (msg.kind) {
    case "session":
      // Nothing of one session may show in the next.
      return msg.session.kind === "admin" ? { ...state, session: msg.session } : { ...initial(state.route, state.now), session: msg.session };
    case "route":
      return { ...state, route: msg.route };
    case "tick":
      return { ...state, now: msg.at + state.skew };
    case "connection":
      return state.connection === msg.connection ? state : { ...state, connection: msg.connection };
    case "live":
      return heard(state, msg.message, msg.at);
    case "readings":
      return { ...state, latest: measured(state.latest, msg.rows) };
    case "hub":
      return { ...state, hub: msg.hub };
    case "devices":
      return { ...state, devices: Object.fromEntries(msg.devices.map((device) => [device.id, device])) };
    case "device":
      return { ...state, devices: { ...state.devices, [msg.device.id]: msg.device } };
    case "device events": {
      const devices = { ...state.devices };
      let { latest } = state;
      for (const event of msg.events) {
        if (event.removed) {
          delete devices[event.removed];
          latest = without(latest, event.removed);
        } else if (event.device) {
          devices[event.device.id] = event.device;
        }
      }
      return { ...state, devices, latest };
    }
    case "device removed":
      return { ...state, devices: without(state.devices ?? {}, msg.id), latest: without(state.latest, msg.id) };
    case "latest":
      return { ...state, latest: known(state.latest, msg.items) };
    case "alerts":
      return { ...state, alerts: Object.fromEntries(msg.alerts.map((alert) => [alert.id, alert])) };
    case "alert":
      return { ...state, alerts: { ...state.alerts, [msg.alert.id]: msg.alert } };
    case "rules":
      return { ...state, rules: msg.rules };
    case "silences":
      return { ...state, silences: msg.silences };
    case "webhooks":
      return { ...state, webhooks: msg.webhooks };
    case "deliveries":
      return { ...state, deliveries: { ...state.deliveries, [msg.webhook]: newestFirst(msg.deliveries) } };
    case "tokens":
      return { ...state, tokens: msg.tokens, joinTokens: msg.joinTokens };
    case "toast":
      return { ...state, toasts: [...state.toasts.filter((toast) => toast.id !== msg.toast.id), msg.toast].slice(-TOASTS_SHOWN) };
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

export function firing(state: Pick<State, "alerts">): Alert[] {
  return Object.values(state.alerts ?? {}).filter((alert) => alert.state === "firing");
}

function heard(state: State, message: LiveMessage, at: Millis): State {
  switch (message.type) {
    case "hello":
      return { ...state, connection: "live", streams: state.streams + 1, skew: message.server_time - at, now: message.server_time };
    case "device":
      return update(state, { kind: "device events", events: [message] });
    case "alert": {
      const { alert, removed } = message;
      if (removed) return { ...state, alerts: state.alerts && without(state.alerts, removed) };
      if (!alert) return state;
      const before = state.alerts?.[alert.id]?.state;
      const next = update(state, { kind: "alert", alert });
      if (alert.state !== "firing" || before === "firing" || alert.acked_at !== null) return next;
      return update(next, { kind: "toast", toast: alertToast(alert) });
    }
    case "delivery": {
      const { webhook } = message.delivery;
      const others = (state.deliveries[webhook] ?? []).filter((delivery) => delivery.id !== message.delivery.id);
      return update(state, { kind: "deliveries", webhook, deliveries: [message.delivery, ...others] });
    }
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

function alertToast(alert: Alert): Toast {
  return { id: `alert ${alert.id}`, tone: "alert", text: `${clean(alert.rule.name)}: ${clean(alert.device_name)} ${clean(alert.sensor)}`, href: "/a" };
}

/** Newer values replace older ones; a value that came late (recovered) never replaces a newer one. */
function measured(latest: State["latest"], rows: readonly Row[]): State["latest"] {
  if (rows.length === 0) return latest;
  const next: Record<string, Record<string, Latest>> = { ...latest };
  const copied = new Set<string>();
  for (const [device, sensor, at, value] of rows) {
    const before = next[device]?.[sensor];
    if (before && Date.parse(before.at) > at) continue;
    if (!copied.has(device)) {
      next[device] = { ...next[device] };
      copied.add(device);
    }
    next[device]![sensor] = { device, sensor, unit: before?.unit ?? "", at: new Date(at).toISOString(), value, quality: "good" };
  }
  return next;
}

function known(latest: State["latest"], items: readonly Latest[]): State["latest"] {
  const next: Record<string, Record<string, Latest>> = { ...latest };
  const copied = new Set<string>();
  for (const item of items) {
    if (!copied.has(item.device)) {
      next[item.device] = { ...next[item.device] };
      copied.add(item.device);
    }
    const before = next[item.device]![item.sensor];
    // The answer may have been overtaken by the stream: keep the newer value, learn the unit.
    next[item.device]![item.sensor] = before && Date.parse(before.at) > Date.parse(item.at) ? { ...before, unit: item.unit } : item;
  }
  return next;
}

function newestFirst(deliveries: readonly Delivery[]): Delivery[] {
  return [...deliveries].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at)).slice(0, DELIVERIES_SHOWN);
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _, ...rest } = record;
  return rest;
}
