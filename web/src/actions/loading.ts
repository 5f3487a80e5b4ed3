// What the screens stand on, asked for and taken into the state.

import * as api from "../api";
import { dispatch, state, turn } from "../app";
import type { LiveMessage } from "../types";
import { loadDevice } from "./devices";
import { answered, signedOut } from "./answer";

/** Live values by one subscription up to here; beyond it only the rows on the screen are asked for. */
export const LIVE_DEVICES = 200;

/** What every screen stands on; again after each `hello`, since anything may have happened before it. */
export async function loadAll(): Promise<void> {
  await Promise.all([
    loadHub(),
    loadShown(),
    answered(api.alerts.list(), (alerts, asked) => dispatch({ kind: "alerts", alerts, asked })),
    loadRules(),
    loadSilences(),
  ]);
}

/** The devices that the page knows so far: all of them, or the one it was opened for. */
async function loadShown(): Promise<void> {
  const { listed, route } = state.peek();
  if (listed) return loadDevices();
  if (route.view !== "device") return;
  try {
    await loadDevice(route.id);
  } catch (error) {
    if (error instanceof api.Refused && error.status === 404) dispatch({ kind: "device removed", id: route.id });
  }
}

let isListing = false;

/** Every device: for any screen but that of one device, where three hundred others would be most of what is sent. */
export async function loadDevices(): Promise<void> {
  if (isListing && !state.peek().listed) return;
  isListing = true;
  await answered(api.devices.list(), (devices, asked) => dispatch({ kind: "devices", devices, asked })).finally(() => {
    isListing = false;
  });
  const devices = Object.values(state.peek().devices ?? {});
  if (devices.length > 0 && devices.length <= LIVE_DEVICES) await loadLatest([]);
}

/** What of a device's own screen is about the others as well, like a comparison, asks for them when it is opened. */
export const needDevices = async (): Promise<void> => (state.peek().listed ? undefined : loadDevices());

export async function loadHub(): Promise<void> {
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
 * What is asked for twice at once is asked for once.
 */
export function loadLatest(devices: readonly string[], sensors: readonly string[] = []): Promise<boolean> {
  const key = `${devices}\n${sensors}`;
  const asked = latestAsked.get(key) ?? askLatest(devices, sensors).finally(() => latestAsked.delete(key));
  latestAsked.set(key, asked);
  return asked;
}

async function askLatest(devices: readonly string[], sensors: readonly string[]): Promise<boolean> {
  try {
    dispatch({ kind: "latest", items: await api.readings.latest(devices, sensors) });
    return true;
  } catch {
    // Values arrive by the stream as well; only units are missing until the next time.
    return false;
  }
}

/**
 * What rows show: the columns, and of devices that have fewer of them than `least` everything, because they show
 * something else.
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

export const loadTokens = () =>
  answered(Promise.all([api.tokens.list(), api.tokens.listJoin()]), ([tokens, joinTokens], asked) =>
    dispatch({ kind: "tokens", tokens, joinTokens, asked }),
  );
