// The points of every chart of one device page, and the one window they share.
//
// History comes by REST in one request for all charts, then live rows follow through the WebSocket. Whatever may have
// been missed (a reconnect, a gap told by the hub, recovered readings, raw points grown too many) has one cure: ask
// for the window again. A paused board takes no live rows; returning to live asks again.

import { buckets, Points, type Columns, type Summary } from "../series";
import { DEFAULT_RANGE, resolve, type Range } from "../route";
import type { LiveMessage, Millis, QueryResult, Sensor } from "../types";

/** Recovered rows come in bursts; one refill answers a whole burst. */
const SETTLE_MS = 1_000;
/** A hand that rests this long has found its window. */
const STILL_MS = 120;
/** The narrowest window of a device that was just added. */
const GROWS_FROM_MS = 30_000;
/** Raw points a series may grow to before the hub's buckets replace them. */
const RAW_MOST = 4_000;

export interface Outside {
  query(
    queries: { device: string[]; sensor: string[]; from: Millis; to: Millis; points: number; counters: string[] }[],
  ): Promise<QueryResult[]>;
  now(): Millis;
  /** Points worth asking for: what the width of a chart can show. */
  points(): number;
  failed(error: unknown): void;
  filled(): void;
}

export class Board {
  private readonly points = new Map<string, Points>();
  private sensors: readonly Sensor[] = [];
  private range: Range = { from: "now-5m", to: "now" };
  private asked = 0;
  private settle: ReturnType<typeof setTimeout> | null = null;
  private still: ReturnType<typeof setTimeout> | null = null;
  private changes = 0;
  private filled = false;
  /** Whether the hub has answered for the window as it is: before that nobody knows that nothing is in it. */
  settled = false;

  constructor(
    readonly device: string,
    /** When the device was added; null when that is not known. */
    private readonly since: Millis | null,
    private readonly outside: Outside,
  ) {}

  /** The window as it is shown: that of a device which was just added grows with its data. */
  window(): { from: Millis; to: Millis; live: boolean } {
    const asked = this.wanted();
    if (!asked.live || this.since === null || this.since <= asked.from || this.range.from !== DEFAULT_RANGE.from)
      return asked;
    let first = Infinity;
    for (const points of this.points.values()) first = Math.min(first, points.firstAt ?? Infinity);
    return first > asked.from && first < asked.to
      ? { ...asked, from: Math.min(first, asked.to - GROWS_FROM_MS) }
      : asked;
  }

  /** The window that is asked for. */
  private wanted(): { from: Millis; to: Millis; live: boolean } {
    return resolve(this.range, this.outside.now()) ?? { from: 0, to: 1, live: false };
  }

  /** Whether the hub has answered once. */
  get isFilled(): boolean {
    return this.filled;
  }

  get revision(): number {
    return this.changes;
  }

  show(sensors: readonly Sensor[], range: Range): void {
    // A series of another kind needs another question.
    const all = (of: readonly Sensor[]) => of.map((one) => one.sensor + one.kind).join("\n");
    const [names, before] = [all(sensors), all(this.sensors)];
    const moved = range.from !== this.range.from || range.to !== this.range.to;
    this.sensors = sensors;
    this.range = range;
    if (!moved && names === before) return;
    this.settled = false;
    // A drag moves the window many times a second; the hub is asked where it comes to rest.
    if (moved && names === before && range.to !== "now") this.fillWhenStill();
    else void this.fill();
  }

  /** Asks the hub for the whole window of all series; a later question makes an earlier answer void. */
  async fill(): Promise<void> {
    if (this.sensors.length === 0) return;
    const asked = ++this.asked;
    const { from, to } = this.wanted();
    const covered = Math.min(to, this.outside.now());
    const cut = buckets(from, to, this.outside.points());
    const names = (of: readonly Sensor[]) => of.map((one) => one.sensor);
    const counters = names(this.sensors.filter((one) => one.kind === "counter"));
    try {
      const results = await this.outside.query([
        { device: [this.device], sensor: names(this.sensors), ...cut, counters },
      ]);
      if (asked !== this.asked) return;
      const found = results.flatMap((result) => result.series);
      for (const one of this.sensors) {
        const history = found.find((series) => series.sensor === one.sensor);
        this.of(one).fill(history, cut.from, covered, cut.points, (cut.to - cut.from) / cut.points);
      }
      this.changes++;
      this.filled = this.settled = true;
      this.outside.filled();
    } catch (error) {
      if (asked === this.asked) this.outside.failed(error);
    }
  }

  receive(message: LiveMessage): void {
    if (message.type === "gap") this.fillSoon();
    if (message.type !== "readings" && message.type !== "snapshot") return;
    const { from, live } = this.window();
    if (!live) return;
    for (const [device, sensor, at, value] of message.rows) {
      const points = device === this.device ? this.points.get(sensor) : undefined;
      if (!points) continue;
      if (message.type === "readings" && message.lane === "recovered") {
        this.fillSoon();
      } else if (points.append(at, value)) {
        points.trim(from);
        this.changes++;
        if (points.length > RAW_MOST) this.fillSoon();
      }
    }
  }

  columns(sensor: Sensor, from: Millis, to: Millis): Columns {
    return this.of(sensor).columns(from, to, sensor.interval_ms);
  }

  summary(sensor: Sensor): Summary {
    const { from, to } = this.window();
    return this.of(sensor).summary(from, to, sensor.interval_ms);
  }

  /** The first point there is of it, in this window. */
  firstAt(sensor: Sensor): Millis | null {
    return this.of(sensor).firstAt;
  }

  /** The first point later than that. */
  firstAfter(sensor: Sensor, at: Millis): Millis | null {
    return this.of(sensor).firstAfter(at);
  }

  close(): void {
    this.asked++;
    if (this.still) clearTimeout(this.still);
    if (this.settle) clearTimeout(this.settle);
  }

  /** The announced interval of a sensor, else its own rhythm; null while neither is known. */
  interval(sensor: Sensor): Millis | null {
    return sensor.interval_ms ?? this.of(sensor).typicalInterval();
  }

  private fillSoon(): void {
    this.settle ??= setTimeout(() => {
      this.settle = null;
      void this.fill();
    }, SETTLE_MS);
  }

  private fillWhenStill(): void {
    if (this.still) clearTimeout(this.still);
    this.still = setTimeout(() => void this.fill(), STILL_MS);
  }

  private of({ sensor, kind }: Sensor): Points {
    const reads = kind === "counter" ? "rate" : "value";
    const points = this.points.get(sensor);
    if (points?.reads === reads) return points;
    // An owner who says that it is a counter wants to see it as one.
    const anew = new Points(reads);
    this.points.set(sensor, anew);
    return anew;
  }
}
