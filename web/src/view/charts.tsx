// The charts of a device: which sensors, which window, and what hands and keys do to it. The address bar holds both.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { reason, say } from "../actions/answer";
import { loadLatest, loadRules } from "../actions/loading";
import { go, listen, part, serverNow, state, subscribe } from "../app";
import { Board, type Outside } from "../chart/board";
import type { Mark, Threshold } from "../chart/chart";
import { clean, duration, exact, millis, parseSpan, stamp, zone } from "../format";
import { families, title, type Family } from "../names";
import { MORE_SPANS, SPANS } from "../picker";
import { byImportance } from "../rank";
import { between, DEFAULT_RANGE, exportHref, href, last, resolve, type Range, type Route } from "../route";
import { watches } from "../rule";
import { staleAfter } from "../series";
import { isLost } from "../state";
import type { Alert, Device, Millis, Rule, Sensor } from "../types";
import { ChartCard } from "./chart_card";
import { CompareMenu, useTogether } from "./compare";
import { isCommand } from "./controls";
import { Ranger } from "./ranger";
import { SensorMenu } from "./sensor_menu";
import { WindowPicker } from "./window_picker";

type DeviceRoute = Extract<Route, { view: "device" }>;

/** A program that starts brings many sensors within a moment. */
const MORE_SENSORS_MS = 300;
/** Narrower than this a window shows single readings anyway. */
const NARROWEST_MS = 1_000;
const WIDEST_MS = 5 * 365 * 86_400_000;
/** A window that jumps to the last reading is at least so wide, and leaves some room behind it. */
const JUMP_LEAST_MS = 60_000;
const JUMP_ROOM = 0.05;
/** So near to the left edge a mark tells nothing. */
const MARK_ROOM = 0.05;
/** What an agent had measured already when it was added is no history. */
const EARLY_MS = 15_000;

const rules = part((s) => s.rules);
const alerts = part((s) => s.alerts);
const streams = part((s) => s.streams);

export function Charts({ device, route }: { device: Device; route: DeviceRoute }) {
  const [sensors, setSensors] = useState<Sensor[] | null>(null);
  const [table, setTable] = useState(false);
  const [beat, setBeat] = useState(0);
  const passed = useRef<Range[]>([]);
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

  // A row of a sensor never listed says that there are more: the list is asked for again, once for a burst of them, and
  // less and less often where rows name what the list does not have.
  const [grown, setGrown] = useState(0);
  useEffect(() => {
    const heard = new Set((sensors ?? []).map((one) => one.sensor));
    let soon: ReturnType<typeof setTimeout> | null = null;
    const stop = listen((message) => {
      if (sensors === null || (message.type !== "readings" && message.type !== "snapshot")) return;
      for (const [from, sensor] of message.rows) {
        if (from !== device.id || heard.has(sensor)) continue;
        heard.add(sensor);
        soon ??= setTimeout(() => setGrown((before) => before + 1), MORE_SENSORS_MS * 2 ** Math.min(grown, 5));
      }
    });
    return () => {
      stop();
      if (soon) clearTimeout(soon);
    };
  }, [device.id, sensors, grown]);
  useEffect(() => {
    let current = true;
    // An answer to an older question may come later.
    api.devices.sensors(device.id).then(
      (found) => current && setSensors((before) => inPlace(before, found)),
      (error) => say(reason(error), "error"),
    );
    void loadLatest([device.id]);
    if (rules.peek() === null) void loadRules();
    return () => {
      current = false;
    };
    // Its interval too: gaps are drawn by it, and a device may be set to another one while it is looked at.
  }, [device.id, device.sensors, device.interval_ms, streams.value, grown]);

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
    const shown = () => document.visibilityState === "visible" && void board.fill();
    document.addEventListener("visibilitychange", shown);
    return () => {
      stopListening();
      stopRows();
      document.removeEventListener("visibilitychange", shown);
      board.close();
    };
  }, [board]);

  const window = resolve(route.range, serverNow());
  const live = window?.live ?? true;
  // A key may follow another before the page is drawn again:
  // what is shown is in the address, not in this drawing of it.
  const here = () => {
    const now = state.peek().route;
    return now.view === "device" && now.id === device.id ? now : route;
  };
  const showing = () => resolve(here().range, serverNow()) ?? board.window();
  const show = (range: Range, how: "push" | "replace" = "push") => {
    if (how === "push") passed.current = [...passed.current.slice(-20), here().range];
    go({ ...here(), range }, how);
  };
  const hold = (from: Millis, to: Millis, how: "push" | "replace" = "push") => {
    const width = Math.max(NARROWEST_MS, Math.min(WIDEST_MS, to - from));
    const middle = (from + to) / 2;
    show(between(middle - width / 2, middle + width / 2), how);
  };
  const actions = {
    zoom: (from: Millis, to: Millis, step: boolean) => hold(from, to, step && !showing().live ? "replace" : "push"),
    pan: (by: Millis) => {
      const now = showing();
      hold(now.from + by, now.to + by, now.live ? "push" : "replace");
    },
    // Its own way back: the browser's may lead out of this page.
    back: () => go({ ...here(), range: passed.current.pop() ?? DEFAULT_RANGE }),
    scale: (factor: number) => {
      const { from, to, live } = showing();
      if (live) show(last(Math.max(10_000, Math.round(((to - from) * factor) / 1000) * 1000)));
      else hold((from + to) / 2 - ((to - from) * factor) / 2, (from + to) / 2 + ((to - from) * factor) / 2);
    },
    step: (part: number) => {
      const now = showing();
      actions.pan((now.to - now.from) * part);
    },
    pause: () => {
      const { from, to } = showing();
      hold(from, to);
    },
    resume: () => {
      const { from, to } = showing();
      show(last(nearestSpan(to - from)));
    },
    toggle: () => (showing().live ? actions.pause() : actions.resume()),
  };
  useChartKeys({ ...actions, table: () => setTable((before) => !before) });

  const now = state.value.now;
  const values = state.value.latest[device.id];
  const swaps = useSwaps(device);
  const added = millis(device.first_seen);
  const marks = useMemo(
    () => (added === null ? swaps : [...swaps, { at: added, label: "added to the hub" }]),
    [swaps, added],
  );
  const cards = useMemo(() => drawn(chosen), [chosen]);
  const single = chosen.length === 1 ? chosen[0] : undefined;
  const compared = useTogether(board, device, single, route, outside);
  const save = () => {
    void import("../chart/picture")
      .then(({ savePicture }) => {
        const { from, to } = board.window();
        const of = single ? `${clean(device.name)}, ${title(single.sensor)}` : clean(device.name);
        return savePicture(
          document,
          of,
          `${stamp(from)} – ${stamp(to)}, ${zone(to)}`,
          `${device.name} ${stamp(to).slice(0, 16).replace(":", "")}`,
        );
      })
      .then(
        (done) => done || say("There is no chart to save as a picture.", "error"),
        (error: unknown) => say(`Picture: ${reason(error)}`, "error"),
      );
  };
  const jump = sensors === null || !board.isFilled ? null : lastReading(board, chosen, values);
  const behind = live ? 0 : Math.max(0, now - (window?.to ?? now));

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
      <div class="bar" role="toolbar" aria-label="Charts">
        <WindowPicker range={route.range} window={window ?? board.window()} live={live} show={show} />
        <div class="tools">
          {live ? (
            <button type="button" class="button" onClick={actions.pause}>
              Pause
            </button>
          ) : (
            <button type="button" class="button paused" onClick={actions.resume}>
              <span>
                Paused<span class="wide">, {duration(behind)} behind</span> – <span class="wide">return to </span>live
                <span class="wide"> (L)</span>
              </span>
            </button>
          )}
          {sensors.length > 1 ? <SensorMenu sensors={sensors} route={route} /> : null}
          {single ? <CompareMenu device={device} sensor={single} route={route} /> : null}
          <button type="button" class="button" aria-pressed={table} onClick={() => setTable(!table)}>
            Table
          </button>
          <a class="button" href={exportHref(route)} download title="Every reading of this window as a file">
            CSV
          </a>
          <button type="button" class="button" title="These charts as a picture" onClick={save}>
            PNG
          </button>
        </div>
      </div>
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
                marks={beginsAtAdded(board, members, added) ? marks : swaps}
                gestures={actions}
                values={newest}
                table={table}
                beat={beat}
                changed={() => setGrown((n) => n + 1)}
                alone={cards.length === 1}
                aloneHref={href({ ...route, sensors: family.sensors })}
                stale={
                  device.status === "offline" ||
                  isLost(state.value) ||
                  (at > -Infinity && now - at > staleAfter(board.interval(members[0]!) ?? device.interval_ms))
                }
              />
            );
          })
        )}
      </div>
    </>
  );
}

/**
 * A window that was there before the device: what it did not measure has a reason,
 * which is drawn unless all begins with it.
 */
function beginsAtAdded(board: Board, sensors: readonly Sensor[], added: Millis | null): boolean {
  const { from, to } = board.window();
  // The middle of the first bucket of a wide window may lie before.
  const early = Math.max(EARLY_MS, (to - from) / 100);
  return (
    added !== null &&
    added > from + (to - from) * MARK_ROOM &&
    sensors.every((sensor) => (board.firstAt(sensor) ?? Infinity) > added - early)
  );
}

/** When the hardware was replaced. */
function useSwaps(device: Device): readonly Mark[] {
  const [swaps, setSwaps] = useState<readonly Mark[]>([]);
  const hardware = device.words.join(" ");
  useEffect(() => {
    let current = true;
    // A chart without them is still a chart.
    api.devices.swaps(device.id).then(
      (found) => current && setSwaps(found.map(({ at }) => ({ at: Date.parse(at), label: "hardware replaced" }))),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [device.id, hardware, streams.value]);
  return swaps;
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

/** Sensors as the hub lists them now; who was shown keeps its place, so that no chart moves away under a hand. */
function inPlace(before: readonly Sensor[] | null, found: readonly Sensor[]): Sensor[] {
  const sorted = [...found].sort(byImportance);
  if (before === null) return sorted;
  const place = new Map(before.map((one, i) => [one.sensor, i]));
  return sorted
    .map((one, i) => ({ one, at: place.get(one.sensor) ?? before.length + i }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

function thresholdsOf(rules: readonly Rule[] | null, device: Device, sensor: string): Threshold[] {
  return (rules ?? []).flatMap((rule) =>
    rule.enabled && rule.condition.type === "threshold" && watches(rule, device, sensor)
      ? [
          {
            value: rule.condition.value,
            above: rule.condition.op.startsWith(">"),
            label: `${clean(rule.name, 32)} ${rule.condition.op} ${exact(rule.condition.value)}`,
          },
        ]
      : [],
  );
}

function firingOf(
  alerts: Readonly<Record<string, Alert>> | null,
  device: string,
  sensor: string,
): [Millis, Millis | null][] {
  return Object.values(alerts ?? {}).flatMap((alert) => {
    const fired = millis(alert.fired_at);
    return alert.device === device && alert.sensor === sensor && fired !== null
      ? [[fired, millis(alert.resolved_at)] as [Millis, Millis | null]]
      : [];
  });
}

/** The offered window closest to a width, so that returning to live gives a readable address. */
function nearestSpan(ms: number): number {
  const offered = [...SPANS, ...MORE_SPANS].map(([span]) => parseSpan(span)!);
  return offered.reduce((best, one) => (Math.abs(Math.log(one / ms)) < Math.abs(Math.log(best / ms)) ? one : best));
}

function useChartKeys(actions: {
  toggle: () => void;
  resume: () => void;
  table: () => void;
  step: (part: number) => void;
  scale: (factor: number) => void;
  back: () => void;
}): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!isCommand(event)) return;
      const commands: Record<string, () => void> = {
        " ": actions.toggle,
        l: actions.resume,
        L: actions.resume,
        t: actions.table,
        T: actions.table,
        "0": actions.back,
        ArrowLeft: () => actions.step(-0.25),
        ArrowRight: () => actions.step(0.25),
        "+": () => actions.scale(0.5),
        "=": () => actions.scale(0.5),
        "-": () => actions.scale(2),
      };
      const command = commands[event.key];
      if (!command) return;
      event.preventDefault();
      command();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
