// What a person or a timer asks the hub to do, and what of the answer goes into the state.
//
// Every failure becomes words on the page: a toast, or an error the calling form shows beside its button.

import * as api from "./api";
import { dispatch, startStream, state, stopStream, turn } from "./app";
import type { Alert, Delivery, Device, Hub, JoinPolicy, LiveMessage, SignedIn, Webhook } from "./types";

/** Live values by one subscription up to here; beyond it only the rows on the screen are asked for. */
export const LIVE_DEVICES = 200;

let toasts = 0;

export function say(text: string, tone: "error" | "done" = "done"): void {
  dispatch({ kind: "toast", toast: { id: `toast ${++toasts}`, tone, text, href: null } });
}

/** Runs a request whose failure is only told, never thrown; null then. */
export async function told<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof api.Refused && error.status === 401) return signedOut();
    say(reason(error), "error");
    return null;
  }
}

/**
 * Runs a request whose answer is taken with the turn at which it was asked, so that it undoes nothing that came since.
 */
export async function answered<T>(request: Promise<T>, take: (answer: T, asked: number) => void): Promise<void> {
  const asked = turn();
  const answer = await told(request);
  if (answer !== null) take(answer, asked);
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// --- Session --------------------------------------------------------------------------------------------------------

/** Finds out who is looking: by the one-time fragment of a printed link, else by the cookie. */
export async function openSession(fragment = /^#(setup|login|invite)=(.+)$/.exec(location.hash)): Promise<void> {
  // Out of the address bar at once: a token must not stay in history, bookmarks or screenshots.
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  try {
    if (fragment?.[1] === "login") await api.session.exchange(decodeURIComponent(fragment[2]!));
    if (fragment?.[1] === "setup" && (await api.session.door()).needed) {
      dispatch({ kind: "session", session: { kind: "setup", token: decodeURIComponent(fragment[2]!) } });
      return;
    }
    if (fragment?.[1] === "invite") {
      const code = decodeURIComponent(fragment[2]!);
      stopStream();
      dispatch({ kind: "session", session: { kind: "invited", code, of: await api.invitation.look(code) } });
      return;
    }
  } catch (error) {
    // A used login link is no dead end when the cookie is still good.
    if (!(error instanceof api.Refused) || error.status === 0) return retryOpen(fragment);
    say(`That link cannot be used: ${reason(error)}`, "error");
  }
  try {
    enter(await api.session.current());
  } catch (error) {
    if (!(error instanceof api.Refused) || error.status !== 401) return retryOpen(null);
    const needed = await api.session.door().then(
      (door) => door.needed,
      () => false,
    );
    dispatch({ kind: "session", session: needed ? { kind: "setup", token: null } : { kind: "anonymous" } });
  }
}

function retryOpen(fragment: RegExpExecArray | null): void {
  dispatch({ kind: "connection", connection: "reconnecting" });
  setTimeout(() => void openSession(fragment), 2_000);
}

export async function setPassword(token: string, password: string): Promise<void> {
  await api.session.setup(token, password);
  enter(await api.session.current());
}

export async function signIn(name: string, password: string, code: string): Promise<void> {
  await api.session.signIn({ password, ...(name === "" ? {} : { name }), ...(code === "" ? {} : { code }) });
  enter(await api.session.current());
}

/** Chooses a password by a link somebody was given. */
export async function acceptInvitation(invitation: string, password: string, code: string): Promise<void> {
  await api.invitation.accept({ invitation, password, ...(code === "" ? {} : { code }) });
  enter(await api.session.current());
}

export async function signOut(): Promise<void> {
  await told(api.session.signOut());
  signedOut();
}

function enter(me: SignedIn): void {
  dispatch({ kind: "session", session: { kind: "in", me } });
  startStream();
}

/** Looks again at who is signed in, after something of them has changed. */
export async function loadMe(): Promise<void> {
  const me = await told(api.session.current());
  if (me) dispatch({ kind: "session", session: { kind: "in", me } });
}

function signedOut(): null {
  stopStream();
  dispatch({ kind: "session", session: { kind: "anonymous" } });
  return null;
}

// --- Loading --------------------------------------------------------------------------------------------------------

/** What every screen stands on; again after each `hello`, since anything may have happened before it. */
export async function loadAll(): Promise<void> {
  await Promise.all([
    loadHub(),
    answered(api.devices.list(), (devices, asked) => dispatch({ kind: "devices", devices, asked })),
    answered(api.alerts.list(), (alerts, asked) => dispatch({ kind: "alerts", alerts, asked })),
    loadRules(),
    loadSilences(),
  ]);
  const devices = Object.values(state.peek().devices ?? {});
  if (devices.length > 0 && devices.length <= LIVE_DEVICES) await loadLatest([]);
}

/** After a loss: 401 means the session ended meanwhile; anything else, the stream keeps trying. */
export async function checkSession(): Promise<void> {
  try {
    await api.session.current();
  } catch (error) {
    if (error instanceof api.Refused && error.status === 401) signedOut();
  }
}

export async function loadHub(): Promise<void> {
  const asked = turn();
  try {
    dispatch({ kind: "hub", hub: await api.hub.get(), asked });
  } catch (error) {
    // Asked every few seconds: a hub that is away is told by the pill, not by a toast each time.
    if (error instanceof api.Refused && error.status === 401) signedOut();
  }
}

export async function loadLatest(devices: readonly string[]): Promise<void> {
  try {
    dispatch({ kind: "latest", items: await api.readings.latest(devices) });
  } catch {
    // Values arrive by the stream as well; only units are missing until the next time.
  }
}

const unitsAsked = new Set<string>();
const unitless = new Set<string>();
let askUnits: ReturnType<typeof setTimeout> | null = null;

/** Rows carry no unit: a series never listed before is looked up once, a burst of them in one request. */
export function learnUnits(message: LiveMessage): void {
  if (message.type !== "readings" && message.type !== "snapshot") return;
  const { latest } = state.peek();
  for (const [device, sensor] of message.rows) {
    const series = `${device}\u0000${sensor}`;
    if (unitsAsked.has(series)) continue;
    unitsAsked.add(series);
    if (!latest[device]?.[sensor]?.unit) unitless.add(device);
  }
  if (unitless.size === 0 || askUnits) return;
  askUnits = setTimeout(() => {
    askUnits = null;
    void loadLatest(unitless.size > 20 ? [] : [...unitless]);
    unitless.clear();
  }, 500);
}

export const loadSilences = () =>
  answered(api.silences.list(), (silences, asked) => dispatch({ kind: "silences", silences, asked }));
export const loadRules = () => answered(api.rules.list(), (rules, asked) => dispatch({ kind: "rules", rules, asked }));
export const loadWebhooks = () =>
  answered(api.webhooks.list(), (webhooks, asked) => dispatch({ kind: "webhooks", webhooks, asked }));
export const loadDeliveries = (webhook: string) =>
  answered(api.webhooks.deliveries(webhook), (deliveries, asked) =>
    dispatch({ kind: "deliveries", webhook, deliveries, asked }),
  );

export const loadSessions = () =>
  answered(api.sessions.list(), (sessions, asked) => dispatch({ kind: "sessions", sessions, asked }));
export const loadTokens = () =>
  answered(Promise.all([api.tokens.list(), api.tokens.listJoin()]), ([tokens, joinTokens], asked) =>
    dispatch({ kind: "tokens", tokens, joinTokens, asked }),
  );

// --- Devices --------------------------------------------------------------------------------------------------------

const takeDevice = (device: Device, asked: number) => dispatch({ kind: "device", device, asked });

export async function adopt(device: Device, name?: string): Promise<void> {
  await answered(api.devices.adopt(device.id, name), (adopted, asked) => {
    takeDevice(adopted, asked);
    say(`${adopted.name} adopted.`);
  });
}

export const block = (device: Device) => answered(api.devices.block(device.id), takeDevice);
export const loadDevice = async (id: string) => {
  const asked = turn();
  takeDevice(await api.devices.get(id), asked);
};

/** Throws what the hub refuses, so that the form can say it at its field. */
export async function changeDevice(id: string, change: Parameters<typeof api.devices.change>[1]): Promise<void> {
  const asked = turn();
  takeDevice(await api.devices.change(id, change), asked);
}

/** Puts new hardware in its place; what it is called and what it measured stays. */
export async function replaceDevice(id: string, by: string): Promise<boolean> {
  let done = false;
  await answered(api.devices.replace(id, by), (device, asked) => {
    takeDevice(device, asked);
    say(`${device.name} continues on the new hardware.`);
    done = true;
  });
  return done;
}

export const forgetDevice = (id: string) => answered(api.devices.forget(id), takeDevice);

export async function removeDevice(id: string): Promise<boolean> {
  try {
    await api.devices.remove(id);
  } catch (error) {
    say(reason(error), "error");
    return false;
  }
  dispatch({ kind: "device removed", id });
  return true;
}

// What a change answers holds that change; a look that was asked for before it came back may not.
const takeHub = (hub: Hub) => dispatch({ kind: "hub", hub, asked: turn() });

export const setJoin = (policy: JoinPolicy) => answered(api.hub.join(policy), takeHub);
/** How long a device may be silent before the hub says so; `off` for ever. */
export const setOfflineAfter = (after: string) => answered(api.hub.offlineAfter(after), takeHub);
export const openWindow = (span: string) => answered(api.hub.openFor(span), takeHub);

// --- Alerts and webhooks --------------------------------------------------------------------------------------------

export const ack = (alert: Alert) =>
  answered(api.alerts.ack(alert.id), (acked, asked) => dispatch({ kind: "alert", alert: acked, asked }));

/** As many as the hub takes at once. */
const ACKED_AT_ONCE = 1_000;

/**
 * Says of all of them that somebody knows; then they are loaded anew:
 * so many may be more than the stream tells one by one.
 */
export async function ackAll(alerts: readonly Alert[]): Promise<void> {
  for (let i = 0; i < alerts.length; i += ACKED_AT_ONCE) {
    if ((await told(api.alerts.ackAll(alerts.slice(i, i + ACKED_AT_ONCE).map(({ id }) => id)))) === null) break;
  }
  await answered(api.alerts.list(), (found, asked) => dispatch({ kind: "alerts", alerts: found, asked }));
}

/** Nobody is told of a whole rule for some time. */
export async function silenceRule(rule: string, span: string): Promise<void> {
  if (await told(api.silences.create({ rule, for: span }))) await loadSilences();
}

/** Nobody is told of this alert's rule on this sensor for some time; what still fires then is told then. */
export async function silence(alert: Alert, span: string): Promise<void> {
  const made = await told(
    api.silences.create({
      rule: alert.rule.id,
      device: alert.device || alert.device_name,
      sensor: alert.sensor,
      for: span,
    }),
  );
  if (made) await loadSilences();
}

export async function endSilence(id: string): Promise<void> {
  await told(api.silences.remove(id));
  await loadSilences();
}

export async function saveRule(id: string | null, draft: api.RuleDraft): Promise<void> {
  await (id === null ? api.rules.create(draft) : api.rules.replace(id, draft));
  await loadRules();
}

export async function removeRule(id: string): Promise<void> {
  await told(api.rules.remove(id));
  await loadRules();
}

const takeDelivery = (delivery: Delivery, asked: number) => dispatch({ kind: "delivery", delivery, asked });

export const testWebhook = (webhook: Webhook) => answered(api.webhooks.test(webhook.id), takeDelivery);

/** Sends a delivery once more, with the same id, so that the receiver can tell it from a new one. */
export const replay = (delivery: Delivery) => answered(api.webhooks.replay(delivery.id), takeDelivery);
