// Loads the data that the screens show, and puts it into the state.

import * as api from "../api";
import { dispatch, state, turn } from "../app";
import type { Route } from "../route";
import type { LiveMessage } from "../types";
import { loadDevice } from "./devices";
import { answered, signedOut } from "./answer";

/** Live values by one subscription up to here; beyond it only the rows on the screen are asked for. */
export const LIVE_DEVICES = 200;

/** What every screen stands on; again after each `hello`, since anything may have happened before it. */
export async function loadAll(): Promise<void> {
  await Promise.all([loadHub(), loadShown(), loadAlerts(), anew("rules", loadRules), loadSilences()]);
}

const underWay = new Map<string, Promise<void>>();

/** Asks now, whatever is under way. */
function anew(what: string, ask: () => Promise<void>): Promise<void> {
  const asked = ask().finally(() => underWay.get(what) === asked && underWay.delete(what));
  underWay.set(what, asked);
  return asked;
}

/**
 * Asks, or waits for the same question that is under way: a screen that opens needs data that `loadAll` may be asking
 * for. Not for data that was just changed: the answer under way may be older than the change.
 */
const once = (what: string, ask: () => Promise<void>) => underWay.get(what) ?? anew(what, ask);

export const needRules = () => once("rules", loadRules);
export const needDevice = (id: string) => once(`device ${id}`, () => loadDevice(id));

let isPastNeeded = false;

/** Whether a screen names alerts that are over: deliveries do. The list of alerts asks for its pages by itself. */
export const showsPast = (view: Route["view"]) => view === "webhooks";

/** Alerts; what is over is asked for once a screen has shown it, since it may be most of what the page costs. */
export async function loadAlerts(): Promise<void> {
  isPastNeeded ||= showsPast(state.peek().route.view);
  await answered(api.alerts.list(isPastNeeded), (alerts, asked) => dispatch({ kind: "alerts", alerts, asked }));
}

export const needPast = async (): Promise<void> => (isPastNeeded ? undefined : loadAlerts());

/** The devices that the page knows so far: all of them, or the one it was opened for. */
async function loadShown(): Promise<void> {
  const { listed, route } = state.peek();
  if (listed) return loadDevices();
  if (route.view !== "device") return;
  try {
    await anew(`device ${route.id}`, () => loadDevice(route.id));
  } catch (error) {
    if (error instanceof api.Refused && error.status === 404) dispatch({ kind: "device removed", id: route.id });
  }
}

let isListing = false;

/** Every device. The screen of one device does without: three hundred others would be most of the answer. */
export async function loadDevices(): Promise<void> {
  if (isListing && !state.peek().listed) return;
  isListing = true;
  await answered(api.devices.list(), (devices, asked) => dispatch({ kind: "devices", devices, asked })).finally(() => {
    isListing = false;
  });
  const devices = Object.values(state.peek().devices ?? {});
  if (devices.length > 0 && devices.length <= LIVE_DEVICES) await loadLatest([]);
}

/** Parts of a device's screen that need the others, like a comparison, load them when they are opened. */
export const needDevices = async (): Promise<void> => (state.peek().listed ? undefined : loadDevices());

let hubAskedAt = Number.NEGATIVE_INFINITY;
/** An answer about the hub itself that is younger than this is as good as new. */
const HUB_FRESH_MS = 2_000;

export const needHub = async (): Promise<void> =>
  performance.now() - hubAskedAt < HUB_FRESH_MS ? undefined : loadHub();

export async function loadHub(): Promise<void> {
  hubAskedAt = performance.now();
  const asked = turn();
  try {
    dispatch({ kind: "hub", hub: await api.hub.get(), asked });
  } catch (error) {
    // Asked every few seconds: a hub that is away is told by the pill, not by a toast each time.
    if (error instanceof api.Refused && error.status === 401) signedOut();
  }
}

const latestAsked = new Map<string, Promise<boolean>>();

/**
 * The newest values of these sensors of these devices, of all where none is named; false if they did not come.
 * The same question asked twice at once is sent once.
 */
export function loadLatest(devices: readonly string[], sensors: readonly string[] = []): Promise<boolean> {
  const key = `${devices}\n${sensors}`;
  const asked = latestAsked.get(key) ?? askLatest(devices, sensors).finally(() => latestAsked.delete(key));
  latestAsked.set(key, asked);
  return asked;
}

async function askLatest(devices: readonly string[], sensors: readonly string[]): Promise<boolean> {
  try {
    const items = await api.readings.latest(devices, sensors);
    for (const { device, sensor } of items) unitsAsked.add(seriesOf(device, sensor));
    dispatch({ kind: "latest", items });
    return true;
  } catch {
    // Values arrive by the stream as well; only units are missing until the next time.
    return false;
  }
}

/**
 * Loads the values that rows show: the columns; and every sensor of devices that have fewer than `least` of the
 * columns, because their rows show other sensors.
 */
export async function loadRows(devices: readonly string[], columns: readonly string[], least: number): Promise<void> {
  if (columns.length > 0) await loadLatest(devices, columns);
  const { latest } = state.peek();
  const others = devices.filter((id) => columns.filter((sensor) => latest[id]?.[sensor]).length < Math.max(1, least));
  if (others.length > 0) await loadLatest(others);
}

export async function loadSensorSets(): Promise<void> {
  const asked = turn();
  try {
    dispatch({ kind: "sensor sets", sets: await api.devices.sensorSets(), asked });
  } catch {
    // Asked every few seconds: until the next time the columns stay as they are.
    if (state.peek().sensorSets === null) dispatch({ kind: "sensor sets", sets: [], asked });
  }
}

const seriesOf = (device: string, sensor: string) => `${device}\u0000${sensor}`;
/** Series whose unit the hub was asked for. That a series has none is an answer as well. */
const unitsAsked = new Set<string>();
const unitless = new Map<string, string>();
const UNITS_AFTER_MS = 500;
let askUnits: ReturnType<typeof setTimeout> | null = null;

/** Rows carry no unit: a series never listed before is looked up once, a burst of them in one request. */
export function learnUnits(message: LiveMessage): void {
  if (message.type !== "readings" && message.type !== "snapshot") return;
  for (const [device, sensor] of message.rows) {
    const series = seriesOf(device, sensor);
    if (!unitsAsked.has(series)) unitless.set(series, device);
  }
  if (unitless.size === 0 || askUnits) return;
  askUnits = setTimeout(() => {
    askUnits = null;
    // A screen may have loaded some of them meanwhile, with their units.
    const devices = new Set([...unitless].flatMap(([series, device]) => (unitsAsked.has(series) ? [] : [device])));
    for (const series of unitless.keys()) unitsAsked.add(series);
    unitless.clear();
    if (devices.size > 0) void loadLatest(devices.size > 20 ? [] : [...devices]);
  }, UNITS_AFTER_MS);
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

export const loadTokens = () =>
  answered(Promise.all([api.tokens.list(), api.tokens.listJoin()]), ([tokens, joinTokens], asked) =>
    dispatch({ kind: "tokens", tokens, joinTokens, asked }),
  );
