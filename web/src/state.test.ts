import { describe, expect, test } from "vitest";
import { sampleDevice } from "./device.sample";
import { firing, initial, lastHeard, unseen, update, type State } from "./state";
import type { Alert, ListedAlert, Delivery, Device, LiveMessage } from "./types";

const start = (): State => initial({ view: "hub" }, 1_000);
const hear = (state: State, message: LiveMessage, at = 1_000, turn = 1) =>
  update(state, { kind: "live", message, at, turn });

const device = (id: string, more: Partial<Device> = {}): Device =>
  sampleDevice({ id, name: id, first_seen: "2026-11-22T11:00:00.000Z", interval_ms: 1000, ...more });
const alert = (id: string, state: Alert["state"], more: Partial<Alert> = {}): ListedAlert => ({
  id,
  rule: { id: "r", name: "too warm" },
  device: "d",
  device_name: "oven",
  sensor: "temp",
  severity: "warning",
  tags: {},
  devices: [],
  counting: null,
  state,
  measure: "value",
  unit: "Cel",
  value: 31,
  worst_value: 31,
  last_value: null,
  threshold: 30,
  started_at: "2026-11-22T11:00:00.000Z",
  fired_at: null,
  resolved_at: null,
  new_normal: false,
  acked_at: null,
  parts: [],
  usual: null,
  threshold_unit: "Cel",
  acked_by: null,
  ack_comment: null,
  learned_at: "2026-11-22T11:00:00.000Z",
  labels: {},
  silenced_until: null,
  fired_by: null,
  inhibited_by: null,
  unknown_since: null,
  was: null,
  ...more,
});
const delivery = (id: string, second: number, state: Delivery["state"] = "pending"): Delivery => ({
  id,
  webhook: "w",
  event: "webhook.test",
  alert: null,
  devices: null,
  state,
  attempts: [],
  attempt_count: 0,
  delayed_by: null,
  summary: null,
  next_attempt_at: null,
  held_until: null,
  quiet_until: null,
  created_at: new Date(second * 1000).toISOString(),
});

test("one device that is known is not all of them", () => {
  const opened = update(start(), { kind: "device", device: device("a"), asked: 1 });
  const heard = hear(opened, { type: "device", device: device("b"), removed: null });
  expect([heard.listed, Object.keys(heard.devices ?? {})]).toEqual([false, ["a", "b"]]);
  const all = update(heard, { kind: "devices", devices: [device("a"), device("b"), device("c")], asked: 2 });
  expect([all.listed, Object.keys(all.devices ?? {}).length]).toEqual([true, 3]);
  // The next person is told again.
  expect(update(all, { kind: "session", session: { kind: "anonymous" } }).listed).toBe(false);
});

describe("time", () => {
  test("a browser clock an hour off shows server time", () => {
    const state = hear(start(), { type: "hello", server_time: 3_601_000, session: "s", version: "1" }, 1_000);
    expect(update(state, { kind: "tick", at: 2_000 }).now).toBe(3_602_000);
  });
  test("every hello is another stream, so charts fill what they missed", () => {
    const hello: LiveMessage = { type: "hello", server_time: 1, session: "s", version: "1" };
    expect(hear(hear(start(), hello), hello).streams).toBe(2);
  });
});

describe("devices", () => {
  test("a pending device appears, is adopted and goes, without any reload", () => {
    let state = hear(start(), { type: "device", device: device("d", { status: "pending" }) });
    state = hear(state, { type: "device", device: device("d", { status: "online" }) });
    expect(state.devices?.["d"]?.status).toBe("online");
    state = hear(state, { type: "device", removed: "d" });
    expect(state.devices).toEqual({});
  });
});

describe("last values", () => {
  test("a recovered reading does not replace a newer one", () => {
    let state = update(start(), { kind: "readings", rows: [["d", "temp", 5_000, 21]] });
    state = update(state, { kind: "readings", rows: [["d", "temp", 4_000, 19]] });
    expect(state.latest["d"]?.["temp"]?.value).toBe(21);
  });
  test("the unit is learned from the list and kept by the stream", () => {
    const item = {
      device: "d",
      sensor: "temp",
      unit: "°C",
      at: new Date(1_000).toISOString(),
      value: 20,
      quality: "good" as const,
    };
    let state = update(start(), { kind: "readings", rows: [["d", "temp", 5_000, 21]] });
    state = update(state, { kind: "latest", items: [item] });
    state = update(state, { kind: "readings", rows: [["d", "temp", 6_000, 22]] });
    expect(state.latest["d"]?.["temp"]).toMatchObject({ unit: "°C", value: 22 });
  });
  test("a value from ahead neither hides what is measured now nor replaces it", () => {
    const at = (state: ReturnType<typeof start>, now: number, at: number, value: number) =>
      update({ ...state, now }, { kind: "readings", rows: [["d", "temp", at, value]] });
    const value = (state: ReturnType<typeof start>) => state.latest["d"]?.["temp"]?.value;
    let state = at(start(), 100_000, 100_000, 1);
    state = at(state, 101_000, 341_000, 9);
    expect(value(state)).toBe(1);
    // A clock that was put forward shows after a minute, and what is measured now again when it is put right.
    state = at(state, 170_000, 410_000, 9);
    expect(value(state)).toBe(9);
    expect(value(at(state, 171_000, 60_000, 5))).toBe(9);
    expect(value(at(state, 171_000, 171_000, 2))).toBe(2);
  });
  test("states already shown are not changed under the reader", () => {
    const before = update(start(), { kind: "readings", rows: [["d", "temp", 5_000, 21]] });
    update(before, { kind: "readings", rows: [["d", "temp", 6_000, 22]] });
    expect(before.latest["d"]?.["temp"]?.value).toBe(21);
  });
});

describe("last heard", () => {
  const heardAt = (reading: number) =>
    lastHeard(
      { ...update(start(), { kind: "readings", rows: [["d", "temp", reading, 1]] }), now: 60_000 },
      device("d", { last_seen: new Date(30_000).toISOString() }),
    );
  test("a fresh reading counts, a reading from the future does not", () => {
    expect(heardAt(59_000)).toBe(59_000);
    expect(heardAt(20_000)).toBe(30_000);
    expect(heardAt(3_600_000)).toBe(30_000);
  });
});

describe("alerts", () => {
  test("many that come together are one step, and what each says is as if it had come alone", () => {
    const events = Array.from({ length: 1_200 }, (_, n) => {
      const removed = n % 7 === 0 ? `${n}` : null;
      return { type: "alert" as const, alert: removed ? null : alert(`${n}`, "firing"), removed, turn: n };
    });
    const more = [1, 2, 60].map((n) => ({ type: "delivery" as const, delivery: delivery(`${n}`, n), turn: 2_000 + n }));
    const one = [...events, ...more].reduce((state, { turn, ...said }) => hear(state, said, 1_000, turn), start());
    const many = update(start(), { kind: "thing events", events: [...events, ...more] });
    expect([many.alerts, many.told, many.deliveries, many.toasts.length]).toEqual([
      one.alerts,
      one.told,
      one.deliveries,
      one.toasts.length,
    ]);
    expect(many.toasts[0]?.alerts).toBe(one.toasts[0]?.alerts);
  });

  test("a toast when it begins to fire, once", () => {
    let state = hear(start(), { type: "alert", alert: alert("a", "pending") });
    expect(state.toasts).toHaveLength(0);
    state = hear(state, { type: "alert", alert: alert("a", "firing") });
    expect(state.toasts).toHaveLength(1);
    state = update(state, { kind: "toast closed", id: state.toasts[0]!.id });
    state = hear(state, { type: "alert", alert: alert("a", "firing", { value: 35 }) });
    expect(state.toasts).toHaveLength(0);
    expect(firing(state)).toHaveLength(1);
  });
  test("no toast for what somebody has acknowledged", () => {
    const state = hear(start(), {
      type: "alert",
      alert: alert("a", "firing", { acked_at: "2026-11-22T11:00:00.000Z" }),
    });
    expect(state.toasts).toHaveLength(0);
  });
  test("one that came late is in the list, and no toast says so", () => {
    const state = hear(start(), { type: "alert", alert: alert("a", "historical") });
    expect(state.toasts).toHaveLength(0);
    expect(firing(state)).toHaveLength(0);
    expect(Object.keys(state.alerts ?? {})).toEqual(["a"]);
  });
  test("one that went away before it fired is gone from the list", () => {
    const state = hear(hear(start(), { type: "alert", alert: alert("a", "pending") }), { type: "alert", removed: "a" });
    expect(state.alerts).toEqual({});
  });
  test("toasts never cover the page", () => {
    let state = start();
    for (const id of ["a", "b", "c", "d", "e"]) state = hear(state, { type: "alert", alert: alert(id, "firing") });
    expect(state.toasts.map(({ id, text }) => `${id}: ${text}`)).toEqual(["alerts: too warm: oven, and 4 more"]);
    for (const id of ["1", "2", "3"])
      state = update(state, { kind: "toast", toast: { id, tone: "done", text: id, href: null } });
    expect(state.toasts.map(({ id }) => id)).toEqual(["1", "2", "3"]);
  });
});

const IN: State["session"] = { kind: "in", me: { scope: "admin", labels: {}, via: "session", user: null } };

test("a delivery is one line however often it is attempted", () => {
  let state = hear(start(), { type: "delivery", delivery: delivery("1", 10) });
  state = hear(state, { type: "delivery", delivery: delivery("2", 20) });
  state = hear(state, { type: "delivery", delivery: delivery("1", 10, "delivered") });
  expect(state.deliveries["w"]?.map(({ id, state }) => `${id} ${state}`)).toEqual(["2 pending", "1 delivered"]);
});

describe("an answer that the stream overtook", () => {
  const delivered: LiveMessage = { type: "delivery", delivery: delivery("1", 10, "delivered") };
  test("a test that was delivered never falls back to pending", () => {
    const state = update(hear(start(), delivered, 1_000, 8), {
      kind: "delivery",
      delivery: delivery("1", 10),
      asked: 7,
    });
    expect(state.deliveries["w"]?.[0]?.state).toBe("delivered");
  });
  test("nor by a list asked for before", () => {
    const state = update(hear(start(), delivered, 1_000, 8), {
      kind: "deliveries",
      webhook: "w",
      deliveries: [delivery("1", 10), delivery("0", 5, "failed")],
      asked: 7,
    });
    expect(state.deliveries["w"]?.map((one) => one.state)).toEqual(["delivered", "failed"]);
  });
  test("one asked for after it counts", () => {
    const state = update(hear(start(), delivered, 1_000, 8), {
      kind: "delivery",
      delivery: delivery("1", 10),
      asked: 9,
    });
    expect(state.deliveries["w"]?.[0]?.state).toBe("pending");
  });
  test("a device removed or adopted meanwhile stays so", () => {
    let state = hear(start(), { type: "device", removed: "gone" }, 1_000, 8);
    state = hear(state, { type: "device", device: device("d", { status: "online" }) }, 1_000, 9);
    state = hear(state, { type: "device", device: device("new") }, 1_000, 9);
    state = update(state, {
      kind: "devices",
      devices: [device("gone"), device("d", { status: "pending" }), device("e")],
      asked: 7,
    });
    expect(
      Object.values(state.devices ?? {})
        .map(({ id, status }) => `${id} ${status}`)
        .sort(),
    ).toEqual(["d online", "e online", "new online"]);
    expect(update(state, { kind: "device", device: device("d", { status: "offline" }), asked: 7 })).toBe(state);
  });
  test("an alert that was resolved meanwhile does not fire again", () => {
    let state = hear(start(), { type: "alert", alert: alert("a", "resolved") }, 1_000, 8);
    state = update(state, { kind: "alert", alert: alert("a", "firing"), asked: 7 });
    state = update(state, { kind: "alerts", alerts: [alert("a", "firing"), alert("b", "firing")], asked: 7 });
    expect(firing(state).map(({ id }) => id)).toEqual(["b"]);
  });
  test("of two lists the one asked for last stays, whichever comes first", () => {
    const rules = (asked: number) => ({
      kind: "rules" as const,
      rules: asked === 1 ? [] : [{ id: "r" } as never],
      asked,
    });
    expect(update(update(start(), rules(2)), rules(1)).rules).toHaveLength(1);
    expect(update(update(start(), rules(1)), rules(2)).rules).toHaveLength(1);
  });
  test("what was told is forgotten after a minute", () => {
    let state = hear(start(), delivered, 1_000, 8);
    for (const at of [31_000, 62_000, 93_000]) state = update(state, { kind: "tick", at });
    expect([state.told.young, state.told.old]).toEqual([{}, {}]);
  });
});

describe("a hub that is away", () => {
  test("since when is kept through every try, and ends with a hello", () => {
    const hello: LiveMessage = { type: "hello", server_time: 5_000, session: "s", version: "1" };
    let state = hear(start(), hello, 5_000);
    expect(state.lostAt).toBeNull();
    state = update(update(state, { kind: "tick", at: 9_000 }), { kind: "connection", connection: "reconnecting" });
    state = update(update(state, { kind: "tick", at: 60_000 }), { kind: "connection", connection: "connecting" });
    expect(state.lostAt).toBe(9_000);
    expect(hear(state, hello).lostAt).toBeNull();
  });
});

test("the badge counts what fires and nobody has acknowledged or silenced", () => {
  let state = start();
  for (const [id, more] of [
    ["a", {}],
    ["b", { acked_at: "2026-11-22T11:00:00.000Z" }],
    ["c", { sensor: "hum" }],
    ["d", { inhibited_by: "alr_9" }],
  ] as const)
    state = hear(state, { type: "alert", alert: alert(id, "firing", more) });
  const silence = {
    id: "s",
    rule: null,
    device: "*",
    sensor: "hum",
    labels: {},
    from: new Date(0).toISOString(),
    until: new Date(9_000).toISOString(),
    weekly: null,
    comment: "",
  } as never;
  state = hear(state, { type: "alert", alert: alert("e", "unknown") });
  state = update(state, { kind: "silences", silences: [silence], asked: 1 });
  expect(unseen(state).map(({ id }) => id)).toEqual(["a"]);
});

test("signing out leaves nothing of the session behind", () => {
  const state = update({ ...start(), session: IN }, { kind: "devices", devices: [device("d")], asked: 1 });
  expect(update(state, { kind: "session", session: { kind: "anonymous" } }).devices).toBeNull();
});

test("what is said before anybody signed in stands at the door, and what was said to who signed out does not", () => {
  const told = (session: State["session"]) =>
    update(
      { ...start(), session },
      { kind: "toast", toast: { id: "1", tone: "error", text: "That link cannot be used", href: null } },
    );
  const door = (session: State["session"]) =>
    update(told(session), { kind: "session", session: { kind: "anonymous" } }).toasts.length;
  expect([door({ kind: "unknown" }), door(IN)]).toEqual([1, 0]);
});

test("a message of a newer hub changes nothing", () => {
  const state = start();
  expect(hear(state, { type: "forecast" } as unknown as LiveMessage)).toBe(state);
});
