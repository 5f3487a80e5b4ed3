// How much a counter counted: a bar a bucket, and the sum of them. The hub has the buckets add up to the whole.

import { useEffect, useState } from "preact/hooks";
import * as api from "../../api";
import { reason } from "../../actions/answer";
import { amountBuckets, total } from "../../amounts";
import { clean, measured, stamp } from "../../format";
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
  const name = clean(sensor.sensor);
  return (
    <div class="amounts">
      <p>
        Total <b data-total={total(known)}>{measured(total(known), unit)}</b>{" "}
        <span class="quiet small">
          per {every}, most {measured(most, unit)}
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
        <ol class="bars" aria-label={`${name}, ${known.length} amounts, ${measured(total(known), unit)} in all`}>
          {found.t.map((t, i) => {
            const part = found.increase[i] ?? null;
            return (
              <li key={t} title={`${stamp(t)}: ${measured(part, unit)}`}>
                <span
                  style={{
                    height: `${part === null || most <= 0 ? 0 : (part / most) * 100}%`,
                    background: `var(${color})`,
                  }}
                />
              </li>
            );
          })}
        </ol>
      )}
    </div>
  );
}
