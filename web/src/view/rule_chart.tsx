// The last days of what a rule watches, with its limit and when it would have fired: the chart beside the sentence.

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { serverNow } from "../app";
import { Chart, COLORS, DASHES, type Under } from "../chart/chart";
import { apart, clean, cleanName, limitOf, measured, moment, NAME_LIMIT } from "../format";
import { title } from "../names";
import { drawnLimit, firedOn, spanOf } from "../rule";
import { buckets, Points } from "../series";
import type { Backtest, Condition, Millis } from "../types";
import { Dash } from "./dash";
import { useChart } from "./drawn";

/** Of a day five minutes each. */
const POINTS = 288;

interface Props {
  past: Backtest;
  /** Those of it that are drawn, one line each. */
  series: Backtest["series"];
  condition: Condition;
  /** Told the lowest and the highest value that is drawn. */
  span: (low: number, high: number) => void;
}

const keyOf = (of: { device: string; sensor: string }) => `${of.device} ${of.sensor}`;

export function RuleChart({ past, series, condition, span }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<{ at: Millis; under: readonly Under[] } | null>(null);
  const [from, to] = [Date.parse(past.from), Date.parse(past.to)];
  const names = series.map(keyOf).join("\n");
  const points = usePoints(series, names, from, to);
  const unit = series[0]!.unit;
  const current = useRef({ past, series, condition, points, from, to, revision: 0 });
  current.current = { past, series, condition, points, from, to, revision: current.current.revision + 1 };

  const chart = useChart(
    root,
    (root) =>
      new Chart(
        root,
        {
          window: () => ({ from: current.current.from, to: current.current.to, live: false }),
          lines: (from, to) =>
            current.current.series.map((one) => {
              const found = current.current.points.get(keyOf(one));
              return found ? found.columns(from, to, null) : { t: [], avg: [], min: [], max: [], gaps: [] };
            }),
          revision: () => current.current.revision,
          thresholds: () => limits(current.current.condition, current.current.series[0]?.unit ?? ""),
          firing: () =>
            current.current.series.flatMap((one) =>
              one.firings.map((span): [Millis, Millis | null] => [
                Date.parse(span.from),
                span.to === null ? null : Date.parse(span.to),
              ]),
            ),
          marks: () => [],
        },
        {
          zoom: () => {},
          pan: () => {},
          back: () => {},
          cursor: (at, under) => setCursor(at === null ? null : { at, under }),
        },
        { unit: () => current.current.series[0]?.unit ?? "", steps: false, colors: COLORS.slice(0, series.length) },
      ),
    [series.length],
  );
  // The line of the limit follows the hand, before the hub has answered.
  useEffect(() => chart.current?.touch(), [past, points, drawnLimit(condition)?.value]);
  useEffect(() => {
    const all = [...points.values()].flatMap((one) => {
      const { min, max } = one.columns(from, to, Infinity);
      return [...min, ...max].filter((value): value is number => value !== null && Number.isFinite(value));
    });
    if (all.length > 0) span(Math.min(...all), Math.max(...all));
  }, [points]);

  // Named below are those it would have fired on, here those that are drawn.
  const more = (past.fires > 0 ? firedOn(past) : past.series).length - series.length;
  const decimals = apart(cursor?.under.map(({ avg }) => avg) ?? [], unit);
  return (
    <figure class="rule-chart" aria-label={`The last ${spanOf(past)} of what this rule watches`}>
      <div class="readout legend">
        {cursor ? <span>{moment(cursor.at, serverNow(), to - from)}</span> : null}
        {series.map((one, i) => (
          <span key={keyOf(one)} title={clean(one.sensor, NAME_LIMIT)}>
            <Dash color={COLORS[i]!} dash={DASHES[i]!} />
            {cleanName(one.device_name, 24)} {title(one.sensor)}
            {cursor ? (
              <b>{cursor.under[i]?.avg == null ? "no data" : measured(cursor.under[i]!.avg, unit, decimals)}</b>
            ) : null}
          </span>
        ))}
        {more > 0 ? <span>and {more} more</span> : null}
      </div>
      <div class="canvas" ref={root} data-chart="rule" />
    </figure>
  );
}

/** The limit as a line, where the rule holds the value itself against it. */
function limits(condition: Condition, unit: string) {
  const line = drawnLimit(condition);
  return line ? [{ ...line, label: `limit ${limitOf(line.value, unit)}` }] : [];
}

/** The readings of each, asked for once a minute at most while the rule is typed. */
function usePoints(series: Backtest["series"], names: string, from: Millis, to: Millis): ReadonlyMap<string, Points> {
  const [found, setFound] = useState<ReadonlyMap<string, Points>>(new Map());
  useEffect(() => {
    let current = true;
    const wanted = buckets(from, to, POINTS);
    const unique = (of: "device" | "sensor") => [...new Set(series.map((one) => one[of]))];
    api.readings.query([{ device: unique("device"), sensor: unique("sensor"), ...wanted }]).then(
      (results) => {
        if (!current) return;
        const made = results
          .flatMap((result) => result.series)
          .map((one): [string, Points] => {
            const points = new Points();
            points.fill(one, wanted.from, wanted.to, wanted.points, (wanted.to - wanted.from) / wanted.points);
            return [keyOf(one), points];
          });
        setFound(new Map(made));
      },
      // The sentence stands without its picture.
      () => {},
    );
    return () => {
      current = false;
    };
  }, [names, Math.round((to - from) / 60_000), Math.floor(to / 60_000)]);
  return found;
}
