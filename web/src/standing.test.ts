import { expect, test } from "vitest";
import { alertsText, standing } from "./standing";
import type { Alert, Device } from "./types";

const device = (more: Partial<Device>): Device => ({
  id: "d", name: "d", status: "online", words: ["a"], labels: {}, model: null, version: null, address: null, clock_offset_ms: null, first_seen: "2026-11-22T11:00:00.000Z",
  last_seen: null, interval_ms: 1000, link: null, preview: [], sensors: 1, conflict: null, source_errors: [], more_source_errors: 0, ...more,
});
const at = (seconds: number, connection: "live" | "reconnecting" = "live") => ({ connection, now: Date.parse("2026-11-22T11:00:00.000Z") + seconds * 1000 });

test("who was just adopted connects; who never came is offline", () => {
  expect(standing(at(5), device({ status: "offline" }))).toBe("connecting");
  expect(standing(at(61), device({ status: "offline" }))).toBe("offline");
  expect(standing(at(5), device({ status: "offline", last_seen: "2026-11-22T11:00:01.000Z" }))).toBe("offline");
  expect(standing(at(5), device({ status: "offline", words: [] }))).toBe("offline");
});

test("nobody is online while the hub is away", () => {
  expect(standing(at(5), device({}))).toBe("online");
  expect(standing(at(5, "reconnecting"), device({}))).toBe("was online");
  expect(standing(at(500, "reconnecting"), device({ status: "offline" }))).toBe("offline");
});

test("alerts that nobody acknowledged are counted first", () => {
  const [open, acked] = [{ acked_at: null } as Alert, { acked_at: "x" } as Alert];
  expect([alertsText([open]), alertsText([open, open, acked]), alertsText([acked])]).toEqual(["1 alert", "2 alerts", "1 alert, acknowledged"]);
});
