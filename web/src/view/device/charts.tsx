// The charts of a device: one a sensor, or a family of sensors, all over the same window. The address bar holds both.

import { useEffect, useMemo, useState } from "preact/hooks";
import { reason, say } from "../../actions/answer";
import * as api from "../../api";
import { listen, part, serverNow, state, subscribe } from "../../app";
import { Board, type Outside } from "../../chart/board";
import { millis, stamp } from "../../format";
import { families, title, type Family } from "../../names";
import { href, type Route } from "../../route";
import { isStale } from "../../series";
import { isLost } from "../../state";
import type { Device, Millis, Sensor } from "../../types";
import { ChartCard } from "./chart_card";
import { useTogether } from "./compare";
import { useChartKeys } from "./keys";
import { firingOf, thresholdsOf, useMarks } from "./marks";
import { Ranger } from "./ranger";
import { useSensors } from "./sensors";
import { Toolbar } from "./toolbar";
import { NARROWEST_MS, useWindow } from "./window";

type DeviceRoute = Extract<Route, { view: "device" }>;

/** A window that jumps to the last reading is at least so wide, and leaves some room behind it. */
const JUMP_LEAST_MS = 60_000;
const JUMP_ROOM = 0.05;

const rules = part((s) => s.rules);
const alerts = part((s) => s.alerts);
const streams = part((s) => s.streams);

export function Charts({ device, route }: { device: Device; route: DeviceRoute }) {
  const [sensors, askAgain] = useSensors(device);
  const [table, setTable] = useState(false);
  const [beat, setBeat] = useState(0);
  const outside: Outside = useMemo(
    () => ({
      query: api.readings.query,
      now: serverNow,
      points: () => Math.round(Math.max(120, Math.min(1_200, innerWidth * 0.7))),
      failed: (error) => state.peek().connection === "live" && say(`History: ${reason(error)}`, "error"),
      filled: () => setBeat((before) => before + 1),
    }),
    [],
  );
  const board = useMemo(() => new Board(device.id, millis(device.first_seen), outside), [device.id]);

  const chosen = useMemo(
    () => (sensors ?? []).filter((one) => route.sensors.length === 0 || route.sensors.includes(one.sensor)),
    [sensors, route.sensors.join("\n")],
  );
  // Before the cards are drawn, not after: they read the board's window.
  useMemo(() => board.show(chosen, route.range), [board, chosen, route.range.from, route.range.to]);
  useEffect(() => void board.fill(), [board, streams.value]);
  useEffect(() => {
    const stopListening = listen((message) => board.receive(message));
    const stopRows = subscribe({ device: device.id, sensor: "*", max_hz: 10 });
    // A hidden tab draws nothing and may have slept: it asks again when it is looked at.
    const seen = () => document.visibilityState === "visible" && void board.fill();
    document.addEventListener("visibilitychange", seen);
    return () => {
      stopListening();
      stopRows();
      document.removeEventListener("visibilitychange", seen);
      board.close();
    };
  }, [board]);

  const shown = useWindow(device, route, board);
  const { window, hold, actions } = shown;
  useChartKeys({ ...actions, table: () => setTable((before) => !before) });

  const now = state.value.now;
  const values = state.value.latest[device.id];
  const marksOf = useMarks(device, board);
  const cards = useMemo(() => drawn(chosen), [chosen]);
  const single = chosen.length === 1 ? chosen[0] : undefined;
  const compared = useTogether(board, device, single, route, outside);
  const jump = sensors === null || !board.isFilled ? null : lastReading(board, chosen, values);

  if (sensors === null)
    return (
      <p class="quiet" role="status">
        Loading sensors…
      </p>
    );
  if (sensors.length === 0)
    return (
      <section class="card empty">
        <h2>No readings yet</h2>
        <p>The charts begin with the first reading of this device.</p>
      </section>
    );
  return (
    <>
      <Toolbar
        device={device}
        route={route}
        sensors={sensors}
        single={single}
        board={board}
        shown={shown}
        table={table}
        setTable={setTable}
      />
      {chosen[0] && window ? (
        <Ranger
          device={device.id}
          sensor={chosen[0]}
          window={window}
          least={NARROWEST_MS}
          live={actions.resume}
          hold={(from, to, first) => hold(from, to, first ? "push" : "replace")}
        />
      ) : null}
      {jump === null ? null : (
        <div class="note" role="status">
          <span>No readings in this window.</span>
          <button type="button" class="button" onClick={() => hold(jump.from, jump.to)}>
            Jump to the last reading, {stamp(jump.at).slice(0, 16)}
          </button>
        </div>
      )}
      <div class="charts" data-beat={beat}>
        {compared ? (
          <ChartCard
            key={`compared ${single!.sensor}`}
            board={compared.together}
            family={{ key: single!.sensor, title: title(single!.sensor), sensors: [single!.sensor] }}
            sensors={compared.lines}
            index={0}
            thresholds={single!.kind === "counter" ? [] : thresholdsOf(rules.value, device, single!.sensor)}
            firing={firingOf(alerts.value, device.id, single!.sensor)}
            marks={[]}
            gestures={actions}
            values={compared.lines.map((line) => newestOf(state.value.latest[line.device], line))}
            table={table}
            beat={beat}
            changed={() => {}}
            alone
            aloneHref=""
            stale={isLost(state.value)}
          />
        ) : (
          cards.map((family) => {
            const members = family.sensors.map((name) => chosen.find((one) => one.sensor === name)!);
            const newest = members.map((sensor) => newestOf(values, sensor));
            const at = Math.max(...newest.map((one) => one?.at ?? -Infinity));
            return (
              <ChartCard
                key={family.key}
                board={board}
                family={family}
                sensors={members}
                index={sensors.indexOf(members[0]!)}
                thresholds={members.flatMap((sensor) =>
                  sensor.kind === "counter" ? [] : thresholdsOf(rules.value, device, sensor.sensor),
                )}
                firing={members.flatMap((sensor) => firingOf(alerts.value, device.id, sensor.sensor))}
                marks={marksOf(members)}
                gestures={actions}
                values={newest}
                table={table}
                beat={beat}
                changed={askAgain}
                alone={cards.length === 1}
                aloneHref={href({ ...route, sensors: family.sensors })}
                stale={
                  device.status === "offline" ||
                  isLost(state.value) ||
                  (at > -Infinity && isStale(device, at, board.interval(members[0]!), now))
                }
              />
            );
          })
        )}
      </div>
    </>
  );
}

function newestOf(
  values: Readonly<Record<string, { value: number; at: string }>> | undefined,
  sensor: Sensor,
): { value: number; at: Millis } | null {
  const newest = values?.[sensor.sensor] ?? sensor.last;
  return newest ? { value: newest.value, at: Date.parse(newest.at) } : null;
}

/**
 * What is drawn: sensors that belong together as one card.
 * Up since when is said in words, and drawn only if that is all.
 */
function drawn(chosen: readonly Sensor[]): Family[] {
  const all = families(chosen);
  const without = all.filter(({ key }) => key !== "uptime");
  return without.length === 0 ? all : without;
}

/** Where the last reading of these sensors is, when the window holds none; null when there is nothing to jump to. */
function lastReading(
  board: Board,
  chosen: readonly Sensor[],
  values: Parameters<typeof newestOf>[0],
): { from: Millis; to: Millis; at: Millis } | null {
  const at = Math.max(...chosen.map((sensor) => newestOf(values, sensor)?.at ?? -Infinity));
  const { from, to } = board.window();
  if (!Number.isFinite(at) || (at >= from && at <= to)) return null;
  if (chosen.some((sensor) => board.summary(sensor).points > 0)) return null;
  const width = Math.max(JUMP_LEAST_MS, to - from);
  return { from: at - width * (1 - JUMP_ROOM), to: at + width * JUMP_ROOM, at };
}
