import { expect, test } from "vitest";
import { sampleDevice } from "./device.sample";
import { alertsText, contact, standing } from "./standing";
import type { Alert, Device } from "./types";

const device = (more: Partial<Device>): Device =>
  sampleDevice({ hardware: "d", words: ["a"], first_seen: "2026-11-22T11:00:00.000Z", interval_ms: 1000, ...more });
const at = (seconds: number, connection: "live" | "reconnecting" = "live") => ({
  connection,
  now: Date.parse("2026-11-22T11:00:00.000Z") + seconds * 1000,
});

test("who was just adopted connects; who never came is offline", () => {
  expect(standing(at(5), device({ status: "offline" }))).toBe("connecting");
  expect(standing(at(61), device({ status: "offline" }))).toBe("offline");
  expect(standing(at(5), device({ status: "offline", last_seen: "2026-11-22T11:00:01.000Z" }))).toBe("offline");
  expect(standing(at(5), device({ status: "offline", hardware: null, words: [] }))).toBe("offline");
});

test("nobody is online while the hub is away", () => {
  expect(standing(at(5), device({}))).toBe("online");
  expect(standing(at(5, "reconnecting"), device({}))).toBe("was online");
  expect(standing(at(500, "reconnecting"), device({ status: "offline" }))).toBe("offline");
});

test("when it spoke is told apart from what it told of", () => {
  const measured = (seconds: number) => ({ d: { temp: { at: new Date(at(seconds).now).toISOString() } } }) as never;
  const told = (latest: number | null, more: Partial<Device>) =>
    contact({ ...at(600), latest: latest === null ? {} : measured(latest) }, device(more));
  const spoke = { last_seen: new Date(at(540).now).toISOString() };
  expect(told(null, { ...spoke })).toBe("last contact 1 min 00 s ago");
  expect(told(599, { ...spoke })).toBe("last contact just now");
  expect(told(539, { ...spoke, status: "offline" })).toBe("last contact 1 min 00 s ago");
  expect(told(-86_400 * 4_000, { ...spoke })).toBe("last contact 1 min 00 s ago, newest reading 4000 d 0 h ago");
  expect(told(4_200, { ...spoke })).toBe("last contact 1 min 00 s ago, newest reading 1 h 00 min ahead");
  expect(told(null, { last_seen: null, status: "offline" })).toBe("last contact never");
  expect(told(599, { last_seen: null, status: "offline" })).toBe("last contact just now");
  expect(told(-86_400 * 4_000, { last_seen: null, status: "offline" })).toBe(
    "last contact never, newest reading 4000 d 0 h ago",
  );
});

test("alerts that nobody acknowledged are counted first", () => {
  const [open, acked] = [{ acked_at: null } as Alert, { acked_at: "x" } as Alert];
  expect([alertsText([open]), alertsText([open, open, acked]), alertsText([acked])]).toEqual([
    "1 alert",
    "2 alerts",
    "1 alert, acknowledged",
  ]);
});
