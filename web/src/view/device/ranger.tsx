// A longer time than the charts show, as one quiet line of one sensor, and the window of the charts on it.
//
// It is for hands: by keyboard the same is done with the arrows, + and -, so it is hidden from screen readers.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import * as api from "../../api";
import { part, serverNow, state } from "../../app";
import { axisTime } from "../../format";
import { contextOf, dragged, gripAt, marksOf, type Grip, type Span } from "../../ranger";
import { buckets, Points } from "../../series";
import type { Millis, Sensor } from "../../types";

const POINTS = 240;
/** How near to an edge counts as on it. */
const REACH_PX = 8;
/** Dropped this close to the right end, the window goes on with the time. */
const LIVE_PX = 6;
/** Room for a name on the strip, half of it on either side. */
const NAME_PX = 56;
/** So many at most: it is a glance. */
const MARKS_MOST = 6;
const HEIGHT = 40;

const connection = part((s) => s.connection);

interface RangerProps {
  device: string;
  sensor: Sensor;
  window: Span;
  /** Narrowest window that may be asked for. */
  least: Millis;
  /** `first` begins a drag: the one step worth a way back. */
  hold(from: Millis, to: Millis, first: boolean): void;
  live(): void;
}

export function Ranger({ device, sensor, window, least, hold, live }: RangerProps) {
  const strip = useRef<HTMLDivElement>(null);
  const before = useRef<Span | null>(null);
  const drag = useRef<{ grip: Grip; at: Millis; start: Span; context: Span; moved: boolean } | null>(null);
  // Ages tick once a second, and so does the strip.
  const now = Math.max(state.value.now, window.to);
  const context = drag.current?.context ?? contextOf(window, now, before.current);
  before.current = context;
  const length = context.to - context.from;
  const path = useLine(device, sensor, context);

  const timeAt = (x: number) => {
    const { left, width } = strip.current!.getBoundingClientRect();
    return { at: context.from + ((x - left) / width) * length, perPx: length / width };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const { at, perPx } = timeAt(event.clientX);
    const grip = gripAt(at, window, REACH_PX * perPx);
    // Elsewhere the window comes to the pointer and is held by its middle.
    const half = (window.to - window.from) / 2;
    const start =
      grip === "outside" ? dragged("middle", { from: at - half, to: at + half }, 0, serverNow(), least) : { ...window };
    drag.current = { grip: grip === "outside" ? "middle" : grip, at, start, context, moved: false };
    strip.current!.setPointerCapture(event.pointerId);
    if (grip === "outside") move(event);
  };
  const move = (event: PointerEvent) => {
    const held = drag.current;
    if (!held) return;
    const { from, to } = dragged(held.grip, held.start, timeAt(event.clientX).at - held.at, serverNow(), least);
    hold(from, to, !held.moved);
    held.moved = true;
  };
  const up = (event: PointerEvent) => {
    const held = drag.current;
    drag.current = null;
    if (!held?.moved || held.grip === "from") return;
    const { perPx } = timeAt(event.clientX);
    if (serverNow() - window.to < LIVE_PX * perPx) live();
  };

  const percent = (at: Millis) => ((at - context.from) / length) * 100;
  const left = Math.max(0, percent(window.from));
  const right = Math.min(100, percent(window.to));
  const width = strip.current?.clientWidth || innerWidth;
  const marks = marksOf(
    context,
    Math.max(2, Math.min(MARKS_MOST, Math.floor(width / (1.5 * NAME_PX)))),
    NAME_PX / 2 / width,
  );
  return (
    <div
      class="ranger"
      aria-hidden="true"
      ref={strip}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={() => (drag.current = null)}
    >
      <svg viewBox={`0 0 1000 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="gaps" d={path.gaps} />
        <path class="band" d={path.band} />
        <path class="line" d={path.line} />
      </svg>
      <div class="veil" style={{ left: 0, width: `${left}%` }} />
      <div class="veil" style={{ left: `${right}%`, right: 0 }} />
      {marks.at.map((at) => (
        <span class="mark" key={at} style={{ left: `${percent(at)}%` }}>
          {axisTime(at, marks.step, now)}
        </span>
      ))}
      <div class="window" style={{ left: `${left}%`, width: `${Math.max(0, right - left)}%` }} />
    </div>
  );
}

/** The line of one sensor over the context, asked for again when a pixel of it has passed. */
function useLine(device: string, sensor: Sensor, { from, to }: Span): { line: string; band: string; gaps: string } {
  const [points, setPoints] = useState<Points | null>(null);
  const width = (to - from) / POINTS;
  const step = Math.max(5_000, width);
  useEffect(() => {
    let current = true;
    const wanted = buckets(from, to, POINTS);
    api.readings
      .query([
        {
          device: [device],
          sensor: [sensor.sensor],
          ...wanted,
          counters: sensor.kind === "counter" ? [sensor.sensor] : [],
        },
      ])
      .then(
        ([result]) => {
          if (!current) return;
          const made = new Points(sensor.kind === "counter" ? "rate" : "value");
          made.fill(
            result?.series[0],
            wanted.from,
            Math.min(wanted.to, serverNow()),
            wanted.points,
            (wanted.to - wanted.from) / wanted.points,
          );
          setPoints(made);
        },
        // The charts say when the hub does not answer.
        () => {},
      );
    return () => {
      current = false;
    };
  }, [device, sensor.sensor, sensor.kind, Math.floor(to / step), to - from, connection.value]);

  return useMemo(() => {
    if (!points) return { line: "", band: "", gaps: "" };
    const { t, avg, min, max, gaps } = points.columns(from, to, sensor.interval_ms);
    const lows = min.filter((value) => value !== null);
    if (lows.length === 0) return { line: "", band: "", gaps: "" };
    const low = Math.min(...lows);
    const spread = Math.max(...max.filter((value) => value !== null)) - low || 1;
    const x = (at: Millis) => (((at - from) / (to - from)) * 1000).toFixed(1);
    const y = (value: number) => (HEIGHT - 14 - ((value - low) / spread) * (HEIGHT - 18)).toFixed(1);
    let line = "";
    let band = "";
    let run: number[] = [];
    const close = () => {
      if (run.length > 0) {
        line += run.map((i, k) => `${k === 0 ? "M" : "L"}${x(t[i]!)} ${y(avg[i]!)}`).join("");
        band += `${run.map((i, k) => `${k === 0 ? "M" : "L"}${x(t[i]!)} ${y(max[i]!)}`).join("")}${[...run]
          .reverse()
          .map((i) => `L${x(t[i]!)} ${y(min[i]!)}`)
          .join("")}Z`;
      }
      run = [];
    };
    for (const i of t.keys()) {
      if (avg[i] === null) close();
      else run.push(i);
    }
    close();
    const shades = gaps.map(([a, b]) => `M${x(a)} 0H${x(b)}V${HEIGHT}H${x(a)}Z`).join("");
    return { line, band, gaps: shades };
  }, [points, from, to, sensor.interval_ms]);
}
