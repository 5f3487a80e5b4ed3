import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as api from "./api";

const busy = () =>
  new Response('{"detail":"many queries wait"}', {
    status: 503,
    headers: { "content-type": "application/json", "retry-after": "2" },
  });
const good = () => new Response("{}", { headers: { "content-type": "application/json" } });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a question that the hub is too busy for is asked again when it says so", async () => {
  const fetched = vi
    .fn()
    .mockImplementationOnce(async () => busy())
    .mockImplementation(async () => good());
  vi.stubGlobal("fetch", fetched);
  const asked = api.session.current();
  await vi.advanceTimersByTimeAsync(1_400);
  expect(fetched).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1_200);
  expect(await asked).toEqual({});
  expect(fetched).toHaveBeenCalledTimes(2);
});

test("after some tries its words are shown, and what changes something is sent once", async () => {
  const fetched = vi.fn(async () => busy());
  vi.stubGlobal("fetch", fetched);
  const asked = api.session.current().catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await asked).toBe("many queries wait");
  expect(fetched).toHaveBeenCalledTimes(5);
  await expect(api.session.exchange("code")).rejects.toThrow("many queries wait");
  expect(fetched).toHaveBeenCalledTimes(6);
});
