import { describe, expect, test } from "vitest";
import { backoff, Live, type Ears, type Socket } from "./live";
import type { LiveMessage } from "./types";

const HELLO = { type: "hello", server_time: 0, session: "s", version: "1" };

/** A hub, a network and a clock that are moved by hand. */
function scene() {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  const sockets: (Socket & { ears: Ears; sent: string[]; closed: boolean })[] = [];
  const heard: LiveMessage[] = [];
  let lost = 0;
  const live = new Live(
    {
      open(ears) {
        const socket = {
          ears,
          sent: [] as string[],
          closed: false,
          send(text: string) {
            this.sent.push(text);
          },
          close() {
            this.closed = true;
          },
        };
        sockets.push(socket);
        return socket;
      },
      after(ms, run) {
        const timer = { at: now + ms, run };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
      random: () => 1,
    },
    { message: (message) => heard.push(message), lost: () => lost++ },
  );
  return {
    live,
    sockets,
    heard,
    lost: () => lost,
    say: (message: object) => sockets.at(-1)!.ears.message(JSON.stringify(message)),
    cut: () => sockets.at(-1)!.ears.close(),
    async wait(ms: number) {
      now += ms;
      for (const timer of timers.filter((due) => due.at <= now)) {
        timers = timers.filter((other) => other !== timer);
        timer.run();
      }
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

describe("the connection", () => {
  test("subscriptions are made again after a reconnect, and hello is passed on", async () => {
    const { live, sockets, say, cut, wait, heard } = scene();
    live.start();
    live.subscribe({ device: "d", sensor: "*", max_hz: 10 });
    expect(sockets[0]!.sent).toEqual([]);
    say(HELLO);
    expect(sockets[0]!.sent).toHaveLength(1);
    cut();
    await wait(250);
    say(HELLO);
    expect(sockets[1]!.sent).toEqual(sockets[0]!.sent);
    expect(heard.filter((message) => message.type === "hello")).toHaveLength(2);
  });

  test("what was unsubscribed stays so", async () => {
    const { live, sockets, say, cut, wait } = scene();
    live.start();
    const id = live.subscribe({ device: "d", sensor: "*", max_hz: 10 });
    say(HELLO);
    live.unsubscribe(id);
    cut();
    await wait(250);
    say(HELLO);
    expect(sockets[1]!.sent).toEqual([]);
  });

  test("a quiet stream is asked for an echo; only silence after that is a loss, and soon", async () => {
    const { live, say, wait, lost, sockets } = scene();
    live.start();
    say(HELLO);
    await wait(5_000);
    expect(sockets[0]!.sent).toHaveLength(1);
    say({ type: "snapshot", id: 0, rows: [] });
    await wait(4_000);
    expect(lost()).toBe(0);
    await wait(1_000);
    expect(sockets[0]!.sent).toHaveLength(2);
    await wait(4_000);
    expect(lost()).toBe(1);
    expect(sockets[0]!.closed).toBe(true);
  });

  test("a stream that speaks is not asked", async () => {
    const { live, say, wait, sockets } = scene();
    live.start();
    say(HELLO);
    for (let second = 0; second < 20; second += 2) {
      say({ type: "readings", id: 1, lane: "live", rows: [] });
      await wait(2_000);
    }
    expect(sockets[0]!.sent).toEqual([]);
  });

  test("a socket that never says hello is given up", async () => {
    const { live, wait, lost } = scene();
    live.start();
    await wait(8_000);
    expect(lost()).toBe(1);
  });

  test("a socket given up is not listened to", async () => {
    const { live, sockets, say, cut, wait, heard } = scene();
    live.start();
    say(HELLO);
    cut();
    await wait(250);
    sockets[0]!.ears.message(JSON.stringify(HELLO));
    expect(heard).toHaveLength(1);
  });

  test("nothing is opened after stop", async () => {
    const { live, sockets, cut, wait } = scene();
    live.start();
    cut();
    live.stop();
    await wait(60_000);
    expect(sockets).toHaveLength(1);
  });
});

test("waits grow, end at ten seconds, and differ between pages", () => {
  expect(backoff(0, 1)).toBe(250);
  expect(backoff(3, 1)).toBe(2_000);
  expect(backoff(99, 1)).toBe(10_000);
  expect(backoff(3, 0)).toBe(1_000);
});
