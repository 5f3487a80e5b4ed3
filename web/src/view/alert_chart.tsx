// The readings around an alert: live while it fires, with its limit and the time for which it fired.

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { pathTo } from "../base";
import { part, serverNow } from "../app";
import { Chart, type Under } from "../chart/chart";
import { apart, limitOf, measured, moment, millis } from "../format";
import { hint, title } from "../names";
import { drawnLimit } from "../rule";
import { buckets, Points } from "../series";
import type { AlertDetail, Millis } from "../types";
import { useChart } from "./drawn";
import { isOver } from "./alert_entries";
import { Name } from "./controls";

const POINTS = 400;
/** Up to so many readings each is drawn: an average hides the one that fired. */
const FEW = 400;
/** While it fires new readings are asked for this often. */
const AGAIN_MS = 5_000;
const kinds = part((s) => s.latest);

export function AlertChart({ of }: { of: AlertDetail }) {
  const root = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<{ at: Millis; under: Under } | null>(null);
  const from = Date.parse(of.chart_from);
  const [to, points] = usePoints(of, from);
  const unit = kinds.value[of.device]?.[of.sensor]?.unit ?? of.unit;
  const current = useRef({ of, points, from, to, unit, revision: 0 });
  current.current = { of, points, from, to, unit, revision: current.current.revision + 1 };
  const chart = useChart(
    root,
    (root) =>
      new Chart(
        root,
        {
          window: () => ({ from: current.current.from, to: current.current.to, live: false }),
          lines: (from, to) => [current.current.points.columns(from, to, null)],
          revision: () => current.current.revision,
          thresholds: () => limits(current.current.of, current.current.unit),
          firing: () => [[Date.parse(current.current.of.started_at), millis(current.current.of.resolved_at)]],
          marks: () => spark(current.current.of, current.current.unit),
        },
        {
          zoom: () => {},
          pan: () => {},
          back: () => {},
          cursor: (at, [under]) => setCursor(at === null || !under ? null : { at, under }),
        },
        { unit: () => current.current.unit, steps: false, colors: ["--s0"] },
      ),
    [of.id],
  );
  useEffect(() => chart.current?.touch(), [points, of]);
  return (
    <figure class="card chart" aria-label={`Readings of ${title(of.sensor)} around the alert`}>
      <div class="chart-head">
        <h2 title={hint(of.sensor)}>
          <span>
            <Name of={title(of.sensor)} />
          </span>
        </h2>
        <a class="small" href={pathTo(`/api/v1/alerts/${of.id}/chart.png`)} download={`${of.id}.png`}>
          Save as picture
        </a>
      </div>
      <div class="readout">
        {cursor ? (
          <>
            <span>{moment(cursor.at, serverNow(), to - from)}</span>
            <b>
              {cursor.under.avg === null
                ? "no data"
                : measured(cursor.under.avg, unit, apart([cursor.under.avg], unit))}
            </b>
          </>
        ) : (
          <span class="quiet">Red bar: the alert. Band: lowest to highest.</span>
        )}
      </div>
      <div class="canvas" ref={root} data-chart="alert" />
    </figure>
  );
}

/** The limit as a line, where the rule held the value itself against it. */
function limits(of: AlertDetail, unit: string) {
  const line = of.rule_then ? drawnLimit(of.rule_then.condition) : null;
  return line ? [{ ...line, label: `limit ${limitOf(line.value, unit)}` }] : [];
}

/** When it fired, and at which value. */
function spark(of: AlertDetail, unit: string) {
  if (!of.fired_at || of.value === null) return [];
  const value = of.measure === "value" ? ` at ${measured(of.value, unit, apart([of.value], unit))}` : "";
  return [{ at: Date.parse(of.fired_at), label: `fired${value}` }];
}

/** The readings, and the end of their time: that of the alert, or now. */
function usePoints(of: AlertDetail, from: Millis): [Millis, Points] {
  const end = isOver(of) ? Date.parse(of.chart_to) : null;
  const [found, setFound] = useState<[Millis, Points]>(() => [end ?? Date.parse(of.chart_to), new Points()]);
  useEffect(() => {
    let current = true;
    const ask = () => {
      const to = end ?? serverNow();
      const wanted = buckets(from, to, POINTS);
      api.readings.query([{ device: [of.device], sensor: [of.sensor], ...wanted }]).then(
        async ([result]) => {
          const [series] = result?.series ?? [];
          if (!current || !series) return;
          const points = new Points();
          const count = series.count.reduce((sum, more) => sum + more, 0);
          const few =
            count > FEW ? [] : await api.readings.each(of.device, of.sensor, wanted.from, wanted.to).catch(() => []);
          if (!current) return;
          // Of readings that are swept only the buckets are left.
          if (few.length === count) for (const [at, value] of few) points.append(at, value);
          else points.fill(series, wanted.from, wanted.to, wanted.points, (wanted.to - wanted.from) / wanted.points);
          setFound([to, points]);
        },
        // What is drawn stays while the hub is away.
        () => {},
      );
    };
    ask();
    const again = end === null ? setInterval(ask, AGAIN_MS) : undefined;
    return () => {
      current = false;
      clearInterval(again);
    };
  }, [of.id, from, end]);
  return found;
}
