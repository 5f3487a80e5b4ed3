// One sensor of a device: its number, its line, and the same data as a table.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Board } from "../chart/board";
import { Chart, type Gestures, type Threshold } from "../chart/chart";
import { scheduler } from "../chart/scheduler";
import { clean, clock, commonDecimals, measured, stamp } from "../format";
import type { Summary } from "../series";
import type { Millis, Sensor } from "../types";
import { zone } from "../zone";
import { Quantity } from "./controls";

/** Okabe-Ito hues as custom properties. They only decorate: every chart holds one series and bears its name. */
const COLORS = ["--s0", "--s1", "--s2", "--s3", "--s4", "--s5"] as const;
const TABLE_ROWS = 60;
/** A screen reader must be able to finish a sentence before the next one. */
const ANNOUNCE_EVERY_MS = 5_000;

export interface ChartCardProps {
  board: Board;
  sensor: Sensor;
  index: number;
  thresholds: readonly Threshold[];
  firing: readonly [Millis, Millis | null][];
  gestures: Omit<Gestures, "cursor">;
  value: { value: number; at: Millis } | null;
  stale: boolean;
  table: boolean;
  /** It is the only chart on the page; else its name leads there. */
  alone: boolean;
  aloneHref: string;
  /** Rises with every answer of the hub. */
  beat: number;
}

export function ChartCard(props: ChartCardProps) {
  const { board, index, stale, table, value } = props;
  // Of a counter the page shows the growth a second, so it is written in that unit.
  const sensor = useMemo(() => (props.sensor.kind === "counter" ? { ...props.sensor, unit: `${props.sensor.unit === "1" ? "" : props.sensor.unit}/s` } : props.sensor), [props.sensor]);
  const color = COLORS[index % COLORS.length]!;
  const root = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const current = useRef(props);
  current.current = { ...props, sensor };
  const [cursor, setCursor] = useState<{ at: Millis; avg: number | null; min: number | null; max: number | null } | null>(null);

  useEffect(() => {
    if (!root.current) return;
    const made = new Chart(
      root.current,
      {
        window: () => board.window(),
        columns: (from, to) => board.columns(current.current.sensor, from, to),
        revision: () => board.revision,
        thresholds: () => current.current.thresholds,
        firing: () => current.current.firing,
      },
      {
        zoom: (from, to, step) => current.current.gestures.zoom(from, to, step),
        pan: (by) => current.current.gestures.pan(by),
        back: () => current.current.gestures.back(),
        cursor: (at, avg, min, max) => setCursor(at === null ? null : { at, avg, min, max }),
      },
      { unit: () => current.current.sensor.unit, steps: sensor.kind === "state", color },
    );
    chart.current = made;
    scheduler.add(made);
    return () => {
      scheduler.remove(made);
      made.destroy();
      chart.current = null;
    };
    // Unit and interval may become known later: a new chart for them would end the drag that is being made on this one.
  }, [board, sensor.sensor, sensor.kind, color, zone()]);

  // An answer of the hub is drawn at once, not when the next pixel of a wide window is due.
  useEffect(() => chart.current?.touch(), [props.beat, sensor.unit, sensor.interval_ms, JSON.stringify(props.thresholds), JSON.stringify(props.firing)]);

  const summary = board.summary(sensor);
  const decimals = commonDecimals([summary.min, summary.max, summary.last], sensor.unit);
  const name = clean(sensor.sensor);
  const text = describe(name, sensor.unit, summary, stale);

  const move = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    event.stopPropagation();
    chart.current?.step((event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1));
  };
  useEffect(() => {
    if (cursor && document.activeElement === root.current) announce(`${clock(cursor.at)}: ${measured(cursor.avg, sensor.unit)}`);
  }, [cursor]);

  return (
    <figure class={`card chart ${stale ? "stale" : ""}`} aria-label={`${name} chart`}>
      <div class="chart-head">
        <h2>
          <svg viewBox="0 0 18 8" aria-hidden="true"><path d="M0 4h18" style={{ stroke: `var(${color})` }} stroke-width="3" /></svg>
          {props.alone ? <span>{name}</span> : <a href={props.aloneHref} title={`Only ${name}`}>{name}</a>}
        </h2>
        <div class="big" data-value={sensor.sensor}><Quantity value={sensor.kind === "counter" ? summary.last : value?.value} unit={sensor.unit} decimals={decimals} /></div>
        <div class="readout">
          {cursor ? (
            <>
              <span>{clock(cursor.at)}</span>
              {cursor.avg === null ? <b>no data</b> : <b>{measured(cursor.avg, sensor.unit, decimals)}</b>}
              {cursor.min !== cursor.max ? <span>{measured(cursor.min, sensor.unit)} to {measured(cursor.max, sensor.unit)}</span> : null}
            </>
          ) : summary.points > 0 ? (
            <>
              <span>min <b>{measured(summary.min, sensor.unit, decimals)}</b></span>
              <span>mean <b>{measured(summary.avg, sensor.unit)}</b></span>
              <span>max <b>{measured(summary.max, sensor.unit, decimals)}</b></span>
              {summary.gaps > 0 ? <span>{summary.gaps} {summary.gaps === 1 ? "gap" : "gaps"}</span> : null}
            </>
          ) : null}
        </div>
      </div>
      <div
        class="canvas" ref={root} tabIndex={0} role="group" aria-roledescription="chart" aria-label={`${text} Arrow keys move the cursor.`}
        data-chart={sensor.sensor} onKeyDown={move} onBlur={() => setCursor(null)} hidden={table}
      >
        {summary.points === 0 ? <p class="nothing">Nothing measured in this window</p> : null}
      </div>
      {table ? <Table board={board} sensor={sensor} name={name} /> : null}
    </figure>
  );
}

/** The chart in one sentence. */
function describe(name: string, unit: string, summary: Summary, stale: boolean): string {
  if (summary.points === 0) return `${name}: nothing measured in this window.`;
  const gaps = summary.gaps === 0 ? "no gaps" : summary.gaps === 1 ? "one gap" : `${summary.gaps} gaps`;
  return `${name} ${measured(summary.last, unit)}, min ${measured(summary.min, unit)}, max ${measured(summary.max, unit)}, ${summary.trend}, ${gaps}${stale ? ", stale" : ""}.`;
}

function Table({ board, sensor, name }: { board: Board; sensor: Sensor; name: string }) {
  const { from, to } = board.window();
  const { t, avg, min, max } = board.columns(sensor, from, to);
  const decimals = commonDecimals([...min.slice(-TABLE_ROWS), ...max.slice(-TABLE_ROWS)], sensor.unit);
  const rows = t.map((_, i) => i).filter((i) => t[i]! >= from && t[i]! <= to).slice(-TABLE_ROWS).reverse();
  return (
    <div class="table-wrap" tabIndex={0} role="region" aria-label={`${name} data`}>
      <table>
        <thead><tr><th scope="col">Time</th><th scope="col" class="n">Mean</th><th scope="col" class="n">Min</th><th scope="col" class="n">Max</th></tr></thead>
        <tbody>
          {rows.map((i) => avg[i] === null
            ? <tr key={t[i]} class="gap" data-at={t[i]}><td>{stamp(t[i]!)}</td><td colSpan={3}>no data</td></tr>
            : <tr key={t[i]} data-at={t[i]}><td>{stamp(t[i]!)}</td><td class="n">{measured(avg[i], sensor.unit, decimals)}</td><td class="n">{measured(min[i], sensor.unit, decimals)}</td><td class="n">{measured(max[i], sensor.unit, decimals)}</td></tr>)}
          {rows.length === 0 ? <tr class="gap"><td colSpan={4}>Nothing measured in this window</td></tr> : null}
        </tbody>
      </table>
    </div>
  );
}

let announcedAt = 0;
let waiting: ReturnType<typeof setTimeout> | null = null;

/** Says the latest text in the polite region, at most every few seconds. */
function announce(text: string): void {
  if (waiting) clearTimeout(waiting);
  const wait = Math.max(0, announcedAt + ANNOUNCE_EVERY_MS - Date.now());
  waiting = setTimeout(() => {
    announcedAt = Date.now();
    const region = document.querySelector("#announce");
    if (region) region.textContent = text;
  }, wait);
}
