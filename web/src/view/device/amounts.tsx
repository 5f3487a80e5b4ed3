// How much a counter counted: a bar a bucket, and the sum of them. The hub has the buckets add up to the whole.

import { useEffect, useState } from "preact/hooks";
import * as api from "../../api";
import { reason } from "../../actions/answer";
import { amountBuckets, SPOKEN, timesBelow, total } from "../../amounts";
import { axisTime, cleanName, measured, stamp } from "../../format";
import { zone } from "../../zone";
import type { ChartCardProps } from "./chart_card";

/** A live window moves all the time; a bar changes seldom. */
const FRESH_MS = 10_000;

export function Amounts({ sensors, board, color, table, beat }: ChartCardProps & { color: string }) {
  const { device } = board;
  const [sensor, window] = [sensors[0]!, board.window()];
  const [found, setFound] = useState<{ t: number[]; increase: (number | null)[] } | null>(null);
  const [problem, setProblem] = useState("");
  const { every, from } = amountBuckets(window.from, window.to);
  const moment = Math.floor(window.to / FRESH_MS);
  useEffect(() => {
    let current = true;
    api.readings.amounts(device, sensor.sensor, from, window.to, every, zone()).then(
      (answer) => {
        if (!current) return;
        setFound(answer ?? { t: [], increase: [] });
        setProblem("");
      },
      (error: unknown) => current && setProblem(reason(error)),
    );
    return () => {
      current = false;
    };
  }, [device, sensor.sensor, from, moment, every, zone(), beat]);

  if (problem)
    return (
      <p class="problem" role="alert">
        {problem}
      </p>
    );
  if (found === null)
    return (
      <p class="quiet" role="status">
        Loading…
      </p>
    );
  const known = found.increase.filter((part): part is number => part !== null);
  if (known.length === 0) return <p class="quiet">Nothing counted in this window</p>;
  const most = Math.max(...known);
  const unit = sensor.unit === "1" ? "" : sensor.unit;
  const name = cleanName(sensor.sensor);
  return (
    <div class="amounts">
      <p>
        <b data-total={total(known)}>{measured(total(known), unit)}</b> in this window{" "}
        <span class="quiet small">
          each bar {SPOKEN[every]}, the highest {measured(most, unit)}
        </span>
      </p>
      {table ? (
        <div class="table-wrap" tabIndex={0} role="region" aria-label={`${name} amounts`}>
          <table>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col" class="n">
                  Amount
                </th>
              </tr>
            </thead>
            <tbody>
              {found.t
                .map((t, i) => ({ t, part: found.increase[i] }))
                .reverse()
                .map(({ t, part }) => (
                  <tr key={t}>
                    <td>{stamp(t)}</td>
                    <td class="n">{measured(part ?? null, unit)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Scaled t={found.t} most={most} unit={unit}>
          <ol class="bars" aria-label={`${name}, ${known.length} amounts, ${measured(total(known), unit)} in all`}>
            {found.t.map((t, i) => {
              const part = found.increase[i] ?? null;
              return (
                <li
                  key={t}
                  class={part === null ? "gap" : undefined}
                  title={`${stamp(t)}: ${part === null ? "no data" : measured(part, unit)}`}
                >
                  {part === null ? null : (
                    <span style={{ height: `${most <= 0 ? 0 : (part / most) * 100}%`, background: `var(${color})` }} />
                  )}
                </li>
              );
            })}
          </ol>
        </Scaled>
      )}
    </div>
  );
}

/** How high the bars are, and from when they are. */
function Scaled({
  t,
  most,
  unit,
  children,
}: {
  t: readonly number[];
  most: number;
  unit: string;
  children: preact.ComponentChildren;
}) {
  const step = t.length > 1 ? t[1]! - t[0]! : 0;
  return (
    <div class="scaled">
      <div class="heights" aria-hidden="true">
        <span>{measured(most, unit)}</span>
        <span>0</span>
      </div>
      {children}
      <div class="times" aria-hidden="true">
        {timesBelow(t.length).map((i) => (
          <span key={i} style={{ left: `${(i / t.length) * 100}%` }}>
            {axisTime(t[i]!, step, Date.now())}
          </span>
        ))}
      </div>
    </div>
  );
}
