// The one WebSocket of the page: it stays connected, and says when it could not.
//
//   connecting ──▶ live ──(closed, or no echo)──▶ reconnecting ──(jittered backoff)──▶ connecting
//
// Promise: every subscription asked for is made again after each reconnect, and every `hello` tells the page that
// something may be missing before it, so that the page fills that range by REST. Nothing is ever dropped silently.
// The surroundings (socket, timers, randomness) come in from outside, so a test moves the time.

import type { LiveMessage } from "./types";

/** A stream this quiet is asked for an echo: a cable that was pulled closes no socket. */
const QUIET_MS = 5_000;
/** An echo that takes longer counts as none. With the time above it bounds how long the page may show old values. */
const ECHO_MS = 4_000;
/**
 * A subscription that matches nothing: the hub answers with an empty snapshot, over the very socket that is in doubt.
 */
const ECHO = { type: "subscribe", id: 0, device: "-", sensor: "-", max_hz: 1 };
/** How long a connection may take to say hello. */
const HELLO_MS = 8_000;
const BACKOFF_FIRST_MS = 250;
/** A person watches the pill: ten seconds are the most a hub that came back should stay unnoticed. */
const BACKOFF_MOST_MS = 10_000;

export interface Socket {
  send(text: string): void;
  close(): void;
}

export interface Ears {
  message(data: unknown): void;
  close(): void;
}

interface Surroundings {
  open(ears: Ears): Socket;
  after(ms: number, run: () => void): () => void;
  random(): number;
}

export interface Events {
  message(message: LiveMessage): void;
  lost(): void;
}

export interface Subscription {
  device: string;
  sensor: string;
  max_hz: number;
}

/** The wait before attempt `n` (0 is the first repeat): doubling, capped, half of it random. */
export function backoff(attempt: number, random: number): number {
  const wait = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 16));
  return wait * (0.5 + random / 2);
}

export class Live {
  private socket: Socket | null = null;
  private ready = false;
  private attempt = 0;
  private stopped = true;
  private cancelRetry = () => {};
  private cancelWatch = () => {};
  private readonly wanted = new Map<number, Subscription>();
  private nextId = 1;

  constructor(
    private readonly around: Surroundings,
    private readonly events: Events,
  ) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.drop();
    this.cancelRetry();
  }

  /** The network says it is back: no reason to wait for the timer. */
  retryNow(): void {
    if (this.stopped || this.ready) return;
    this.attempt = 0;
    this.drop();
    this.connect();
  }

  subscribe(subscription: Subscription): number {
    const id = this.nextId++;
    this.wanted.set(id, subscription);
    if (this.ready) this.say({ type: "subscribe", id, ...subscription });
    return id;
  }

  unsubscribe(id: number): void {
    if (this.wanted.delete(id) && this.ready) this.say({ type: "unsubscribe", id });
  }

  private connect(): void {
    this.cancelRetry();
    // A socket given up may still speak; only the one in use is heard.
    const socket = this.around.open({
      message: (data) => socket === this.socket && this.hear(data),
      close: () => socket === this.socket && this.lose(),
    });
    this.socket = socket;
    this.watch(HELLO_MS, () => this.lose());
  }

  private hear(data: unknown): void {
    let message: LiveMessage;
    try {
      message = JSON.parse(String(data)) as LiveMessage;
    } catch {
      return;
    }
    if (message.type === "hello") {
      this.ready = true;
      this.attempt = 0;
      for (const [id, subscription] of this.wanted) this.say({ type: "subscribe", id, ...subscription });
    }
    this.watch(QUIET_MS, () => this.check());
    this.events.message(message);
  }

  /** A half-open connection looks like a quiet one; an echo tells them apart. */
  private check(): void {
    this.say(ECHO);
    this.watch(ECHO_MS, () => this.lose());
  }

  private lose(): void {
    this.drop();
    this.events.lost();
    if (this.stopped) return;
    this.cancelRetry = this.around.after(backoff(this.attempt++, this.around.random()), () => this.connect());
  }

  private drop(): void {
    this.cancelWatch();
    this.ready = false;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private watch(ms: number, run: () => void): void {
    this.cancelWatch();
    this.cancelWatch = this.around.after(ms, run);
  }

  private say(message: object): void {
    this.socket?.send(JSON.stringify(message));
  }
}
