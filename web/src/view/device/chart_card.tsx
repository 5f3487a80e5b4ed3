// One chart of a device: a sensor, or a family of them on one axis.
// Its numbers, its lines, and the same data as a table.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { serverNow } from "../../app";
import { keyOf, nameOf, type Picture } from "../../chart/together";
import { Chart, COLORS, DASHES, type Gestures, type Under } from "../../chart/chart";
import type { Mark, Threshold } from "../../chart/paint";
import { clean, commonDecimals, measured, moment, NAME_LIMIT, type Decimals } from "../../format";
import { hint, type Family } from "../../names";
import type { Summary } from "../../series";
import type { Millis, Sensor } from "../../types";
import { zone } from "../../zone";
import { Name, Quantity } from "../controls";
import { Dash } from "../dash";
import { useChart } from "../drawn";
import { lazily } from "../lazy";

const of = () => import("./chart_options");
const amountBars = lazily(() => of().then((view) => view.Amounts));
const options = lazily(() => of().then((view) => view.ChartOptions));
const dataTable = lazily(() => import("./chart_table").then((view) => view.ChartTable));

/** A screen reader must be able to finish a sentence before the next one. */
const ANNOUNCE_EVERY_MS = 5_000;

export interface ChartCardProps {
  board: Picture;
  family: Family;
  /** Those of the family, in its order. */
  sensors: readonly Sensor[];
  index: number;
  thresholds: readonly Threshold[];
  firing: readonly [Millis, Millis | null][];
  marks: readonly Mark[];
  gestures: Omit<Gestures, "cursor">;
  /** The newest value of each sensor. */
  values: readonly ({ value: number; at: Millis } | null)[];
  stale: boolean;
  table: boolean;
  /** It is the only chart on the page; else its name leads there. */
  alone: boolean;
  aloneHref: string;
  /** Rises with every answer of the hub. */
  beat: number;
  /** The sensor is another kind from now on. */
  changed: () => void;
}

/** Of a counter the page shows the growth a second, so it is written in that unit. */
const asRead = (sensor: Sensor): Sensor =>
  sensor.kind === "counter" ? { ...sensor, unit: `${sensor.unit === "1" ? "" : sensor.unit}/s` } : sensor;

export function ChartCard(props: ChartCardProps) {
  const { board, family, index, stale, table } = props;
  const sensors = useMemo(() => props.sensors.map(asRead), [props.sensors]);
  const [first] = sensors;
  const unit = first!.unit;
  const [amounts, setAmounts] = useState(false);
  const bars = amounts && first!.kind === "counter";
  const colors = useMemo(
    () => (sensors.length === 1 ? [COLORS[index % COLORS.length]!] : sensors.map((_, i) => COLORS[i % COLORS.length]!)),
    [sensors.length, index],
  );
  const root = useRef<HTMLDivElement>(null);
  const current = useRef({ ...props, sensors });
  current.current = { ...props, sensors };
  const [cursor, setCursor] = useState<Cursor | null>(null);

  // Unit and interval may become known later: a new chart for them would end the drag that is being made on this one.
  const chart = useChart(
    root,
    (root) =>
      new Chart(
        root,
        {
          window: () => board.window(),
          lines: (from, to) => current.current.sensors.map((sensor) => board.columns(sensor, from, to)),
          revision: () => board.revision,
          thresholds: () => current.current.thresholds,
          firing: () => current.current.firing,
          marks: () => current.current.marks,
        },
        {
          zoom: (from, to, step) => current.current.gestures.zoom(from, to, step),
          pan: (by) => current.current.gestures.pan(by),
          back: () => current.current.gestures.back(),
          cursor: (at, under) =>
            setCursor(at === null ? null : { at, under, span: board.window().to - board.window().from }),
        },
        { unit: () => current.current.sensors[0]?.unit ?? "", steps: first!.kind === "state", colors },
      ),
    [board, family.key, first!.kind, colors, zone()],
  );

  // An answer of the hub is drawn at once, not when the next pixel of a wide window is due.
  useEffect(
    () => chart.current?.touch(),
    [
      props.beat,
      unit,
      first!.interval_ms,
      JSON.stringify(props.thresholds),
      JSON.stringify(props.firing),
      JSON.stringify(props.marks),
    ],
  );

  const summaries = sensors.map((sensor) => board.summary(sensor));
  const empty = summaries.every((summary) => summary.points === 0);
  const decimals = commonDecimals(
    summaries.flatMap(({ min, max, last }) => [min, max, last]),
    unit,
  );
  const newest = sensors.map((sensor, i) =>
    sensor.kind === "counter" ? summaries[i]!.last : (props.values[i]?.value ?? null),
  );
  const text = sensors
    .map((sensor, i) =>
      describe(sensors.length === 1 ? family.title : nameOf(sensor), unit, summaries[i]!, stale, decimals),
    )
    .join(" ");
  const raw = sensors
    .map((sensor) => hint(sensor.sensor))
    .filter((one) => one !== "")
    .join(", ");

  const move = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    event.stopPropagation();
    chart.current?.step((event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1));
  };
  useEffect(() => {
    if (!cursor || document.activeElement !== root.current) return;
    const values = cursor.under.map((one) => measured(one.avg, unit, decimals)).join(", ");
    announce(`${moment(cursor.at, serverNow(), cursor.span)}: ${values}`);
  }, [cursor]);

  return (
    <figure class={`card chart ${stale ? "stale" : ""}`} aria-label={`${family.title} chart`}>
      <div class="chart-head">
        <h2 title={raw}>
          {sensors.length === 1 ? <Dash color={colors[0]!} dash={DASHES[0]!} /> : null}
          {props.alone ? (
            <span>
              <Name of={family.title} />
            </span>
          ) : (
            <a href={props.aloneHref} title={raw === "" ? `Only ${family.title}` : raw}>
              <Name of={family.title} />
            </a>
          )}
        </h2>
        {sensors.length === 1 ? (
          <div class="big" data-value={first!.sensor}>
            <Quantity value={newest[0]} unit={unit} decimals={decimals} />
          </div>
        ) : null}
        {sensors.length === 1 ? <options.View {...props} bars={bars} setBars={setAmounts} /> : null}
        {bars ? null : sensors.length === 1 ? (
          <Readout cursor={cursor} unit={unit} decimals={decimals} summary={summaries[0]!} newest={newest[0]} />
        ) : (
          <Legend sensors={sensors} colors={colors} cursor={cursor} unit={unit} decimals={decimals} newest={newest} />
        )}
      </div>
      <div
        class="canvas"
        ref={root}
        tabIndex={0}
        role="group"
        aria-roledescription="chart"
        aria-label={`${text} Arrow keys move the cursor.`}
        data-chart={family.key}
        onKeyDown={move}
        onBlur={() => setCursor(null)}
        hidden={table || bars}
      >
        {empty && board.settled ? <p class="nothing">No readings in this window</p> : null}
      </div>
      {bars ? (
        <amountBars.View {...props} color={colors[0]!} />
      ) : table ? (
        <dataTable.View board={board} sensors={sensors} title={family.title} />
      ) : null}
    </figure>
  );
}

/** Where the cursor is, what lies under it, and how much the chart shows, in milliseconds. */
interface Cursor {
  at: Millis;
  under: readonly Under[];
  span: number;
}

/** What lies under the cursor of a single line, else the figures of the window. */
function Readout({
  cursor,
  unit,
  decimals,
  summary,
  newest,
}: {
  cursor: Cursor | null;
  unit: string;
  decimals: Decimals;
  summary: Summary;
  newest: number | null | undefined;
}) {
  const [one] = cursor?.under ?? [];
  return (
    <div class="readout">
      {cursor && one ? (
        <>
          <span>{moment(cursor.at, serverNow(), cursor.span)}</span>
          {one.avg === null ? <b>no data</b> : <b>{measured(one.avg, unit, decimals)}</b>}
          {one.min !== one.max ? (
            <span>
              {measured(one.min, unit, decimals)} to {measured(one.max, unit, decimals)}
            </span>
          ) : null}
        </>
      ) : summary.points > 0 ? (
        <>
          {(
            [
              ["min", summary.min],
              ["mean", summary.avg],
              ["max", summary.max],
            ] as const
          ).map(([name, value]) => (
            <span key={name}>
              {name}{" "}
              <b>
                <Quantity value={value} unit={unit} decimals={decimals} beside={newest} />
              </b>
            </span>
          ))}
          {summary.gaps > 0 ? (
            <span>
              {summary.gaps} {summary.gaps === 1 ? "gap" : "gaps"}
            </span>
          ) : null}
        </>
      ) : null}
    </div>
  );
}

/** The lines of a family by name, with what they are now or what they were under the cursor. */
function Legend({
  sensors,
  colors,
  cursor,
  unit,
  decimals,
  newest,
}: {
  sensors: readonly Sensor[];
  colors: readonly string[];
  cursor: Cursor | null;
  unit: string;
  decimals: Decimals;
  newest: readonly (number | null)[];
}) {
  return (
    <div class="readout legend">
      {sensors.map((sensor, i) => (
        <span key={keyOf(sensor)} title={clean(sensor.sensor, NAME_LIMIT)}>
          <Dash color={colors[i]!} dash={DASHES[i % DASHES.length]!} />
          <span>
            <Name of={nameOf(sensor)} />
          </span>{" "}
          <b data-value={sensor.sensor}>
            {cursor
              ? cursor.under[i]?.avg == null
                ? "no data"
                : measured(cursor.under[i]!.avg, unit, decimals)
              : measured(newest[i], unit, decimals)}
          </b>
        </span>
      ))}
      {cursor ? <span>{moment(cursor.at, serverNow(), cursor.span)}</span> : null}
    </div>
  );
}

/** The chart in one sentence. */
function describe(name: string, unit: string, summary: Summary, stale: boolean, decimals: Decimals): string {
  if (summary.points === 0) return `${name}: no readings in this window.`;
  const gaps = summary.gaps === 0 ? "no gaps" : summary.gaps === 1 ? "one gap" : `${summary.gaps} gaps`;
  const [last, min, max] = [summary.last, summary.min, summary.max].map((value) => measured(value, unit, decimals));
  return `${name} ${last}, min ${min}, max ${max}, ${summary.trend}, ${gaps}${stale ? ", stale" : ""}.`;
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
