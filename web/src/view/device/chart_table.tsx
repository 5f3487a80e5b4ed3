// The data of a chart as a table, newest first: for those who cannot see the chart, and for those who want the number.

import { evenly } from "../../chart/even";
import { keyOf, nameOf, type Picture } from "../../chart/together";
import { commonDecimals, measured, stamp } from "../../format";
import type { Sensor } from "../../types";

const ROWS = 60;

export function ChartTable({ board, sensors, title }: { board: Picture; sensors: readonly Sensor[]; title: string }) {
  return (
    <div class="table-wrap" tabIndex={0} role="region" aria-label={`${title} data`}>
      {sensors.length === 1 ? <One board={board} sensor={sensors[0]!} /> : <Several board={board} sensors={sensors} />}
    </div>
  );
}

function One({ board, sensor }: { board: Picture; sensor: Sensor }) {
  const { from, to } = board.window();
  const { t, avg, min, max } = evenly(board.columns(sensor, from, to), from, to);
  const decimals = commonDecimals([...min.slice(-ROWS), ...max.slice(-ROWS)], sensor.unit);
  const rows = t
    .map((_, i) => i)
    .filter((i) => t[i]! >= from && t[i]! <= to)
    .slice(-ROWS)
    .reverse();
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col" class="n">
            Mean
          </th>
          <th scope="col" class="n">
            Min
          </th>
          <th scope="col" class="n">
            Max
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((i) =>
          avg[i] === null ? (
            <tr key={t[i]} class="gap" data-at={t[i]}>
              <td>{stamp(t[i]!)}</td>
              <td colSpan={3}>no data</td>
            </tr>
          ) : (
            <tr key={t[i]} data-at={t[i]}>
              <td>{stamp(t[i]!)}</td>
              <td class="n">{measured(avg[i], sensor.unit, decimals)}</td>
              <td class="n">{measured(min[i], sensor.unit, decimals)}</td>
              <td class="n">{measured(max[i], sensor.unit, decimals)}</td>
            </tr>
          ),
        )}
        {rows.length === 0 ? (
          <tr class="gap">
            <td colSpan={4}>No readings in this window</td>
          </tr>
        ) : null}
      </tbody>
    </table>
  );
}

function Several({ board, sensors }: { board: Picture; sensors: readonly Sensor[] }) {
  const { from, to } = board.window();
  const unit = sensors[0]!.unit;
  const at = new Map<number, (number | null)[]>();
  sensors.forEach((sensor, line) => {
    const { t, avg } = evenly(board.columns(sensor, from, to), from, to);
    t.forEach((time, i) => {
      if (time < from || time > to || avg[i] === null) return;
      const row = at.get(time) ?? sensors.map(() => null);
      row[line] = avg[i]!;
      at.set(time, row);
    });
  });
  const rows = [...at].sort(([a], [b]) => b - a).slice(0, ROWS);
  const decimals = commonDecimals(
    rows.flatMap(([, values]) => values),
    unit,
  );
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Time</th>
          {sensors.map((sensor) => (
            <th scope="col" class="n named" key={keyOf(sensor)}>
              {nameOf(sensor)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([time, values]) => (
          <tr key={time} data-at={time}>
            <td>{stamp(time)}</td>
            {values.map((value, i) => (
              <td class="n" key={i}>
                {measured(value, unit, decimals)}
              </td>
            ))}
          </tr>
        ))}
        {rows.length === 0 ? (
          <tr class="gap">
            <td colSpan={sensors.length + 1}>No readings in this window</td>
          </tr>
        ) : null}
      </tbody>
    </table>
  );
}
