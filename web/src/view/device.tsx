// One device: how it is, how well it is heard, and a live chart a sensor. The address bar holds sensors and window.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { adopt, block, changeDevice, loadDevice, loadLatest, loadRules, reason, removeDevice, say } from "../actions";
import { go, listen, part, serverNow, state, subscribe } from "../app";
import { Board } from "../chart/board";
import type { Threshold } from "../chart/chart";
import { ago, clean, count, duration, measured, millis } from "../format";
import { byImportance } from "../rank";
import { between, DEFAULT_RANGE, exportHref, href, last, OVERVIEW, resolve, type Range, type Route } from "../route";
import { watches } from "../rule";
import { staleAfter } from "../series";
import { standing } from "../standing";
import { firing, isLost, lastHeard } from "../state";
import type { Alert, Device, Link, Millis, Rule, Sensor } from "../types";
import { AdoptCard } from "./adopt_card";
import { ChartCard } from "./chart_card";
import { Confirmed, Field, isCommand, Status } from "./controls";
import { LedgerBalance, SourceErrors } from "./ledger";
import { Ranger } from "./ranger";

type DeviceRoute = Extract<Route, { view: "device" }>;

const SPANS: [string, string][] = [["1m", "1 min"], ["5m", "5 min"], ["15m", "15 min"], ["1h", "1 h"], ["6h", "6 h"], ["24h", "24 h"], ["7d", "7 d"]];
/** More names than these would push the charts off the screen; all are one click away. */
const ALARMS_SHOWN = 3;
/** A program that starts brings many sensors within a moment. */
const MORE_SENSORS_MS = 300;
/** A list this long is searched, not read. */
const FILTER_FROM = 10;
/** Narrower than this a window shows single readings anyway. */
const NARROWEST_MS = 1_000;
const WIDEST_MS = 5 * 365 * 86_400_000;

const rules = part((s) => s.rules);
const alerts = part((s) => s.alerts);
const streams = part((s) => s.streams);

export function DeviceView({ route }: { route: DeviceRoute }) {
  const { id } = route;
  const device = state.value.devices?.[id] ?? null;
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    setMissing(false);
    if (device === null) loadDevice(id).catch((error) => setMissing(error instanceof api.Refused && error.status === 404));
  }, [id, streams.value]);

  if (missing && device === null) {
    return <section class="card empty"><h1>No such device</h1><p>It may have been removed.</p><a class="button" href="/">All devices</a></section>;
  }
  if (device === null) return <p class="quiet" role="status">Loading…</p>;
  return (
    <>
      <Header device={device} />
      {device.status === "pending" ? <AdoptCard device={device} /> : null}
      {device.status === "blocked" ? (
        <div class="note bad"><span>Blocked: nothing it sends is taken.</span><button type="button" class="button" onClick={() => void adopt(device)}>Adopt it after all</button></div>
      ) : null}
      {device.status === "pending" ? null : <><SourceErrors device={device} />{device.words.length > 0 ? <Health link={device.link} /> : null}</>}
      {device.status === "pending" ? null : <Charts key={`${id} ${device.status === "blocked"}`} device={device} route={route} />}
      {device.status === "pending" ? null : <LedgerBalance device={device} />}
    </>
  );
}

function Header({ device }: { device: Device }) {
  const [editing, setEditing] = useState(false);
  const now = state.value.now;
  const labels = Object.entries(device.labels);
  const alarms = firing(state.value).filter((alert) => alert.device === device.id).slice(0, ALARMS_SHOWN);
  return (
    <div class="head">
      <div class="stack" style={{ gap: "6px" }}>
        <a class="crumb" href="/">← Devices</a>
        <div class="title">
          <h1>{clean(device.name)}</h1>
          <Status of={standing(state.value, device)} />
          {alarms.map((alert) => <a class="status bad" key={alert.id} href="/a"><Status of="firing" /> {clean(alert.rule.name, 40)}</a>)}
          <span class="small quiet">last seen {ago(lastHeard(state.value, device), now)}</span>
        </div>
        <div class="row">
          {labels.map(([key, value]) => <span class="chip" key={key}>{clean(key)}={clean(value)}</span>)}
          <span class="small quiet">
            {[device.model, device.version ? `agent ${device.version}` : null, device.address].filter((text) => text !== null).map((text) => clean(text!)).join(" · ")}
          </span>
        </div>
      </div>
      <div class="row">
        <button type="button" class="button" aria-expanded={editing} onClick={() => setEditing(!editing)}>Edit</button>
        <a class="button" href={`/a?rule=new&device=${encodeURIComponent(device.name)}`}>New rule</a>
      </div>
      {editing ? <Edit device={device} close={() => setEditing(false)} /> : null}
    </div>
  );
}

function Edit({ device, close }: { device: Device; close: () => void }) {
  const [name, setName] = useState(device.name);
  const [labels, setLabels] = useState(Object.entries(device.labels).map(([key, value]) => `${key}=${value}`).join(", "));
  const save = async (event: Event) => {
    event.preventDefault();
    const pairs = labels.split(",").map((pair) => pair.trim()).filter((pair) => pair !== "").map((pair) => {
      const at = pair.indexOf("=");
      return at < 0 ? [pair, ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    });
    if (await changeDevice(device.id, { name: name.trim(), labels: Object.fromEntries(pairs) as Record<string, string> })) close();
  };
  const forget = async () => {
    if (await removeDevice(device.id)) go(OVERVIEW);
  };
  return (
    <form class="card form" style={{ width: "100%" }} onSubmit={(event) => void save(event)} aria-label="Edit device">
      <div class="form-grid">
        <Field label="Name"><input class="input" required maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
        <Field label="Labels" hint="key=value, separated by commas"><input class="input" value={labels} onInput={(event) => setLabels(event.currentTarget.value)} /></Field>
      </div>
      <dl class="facts">
        <dt>Id</dt><dd class="mono">{clean(device.id)}</dd>
        <dt>Fingerprint</dt><dd class="mono">{device.words.length > 0 ? device.words.map((word) => clean(word)).join(" ") : "none: its readings come by HTTP, or were imported"}</dd>
        <dt>First seen</dt><dd>{ago(millis(device.first_seen), state.value.now)}</dd>
      </dl>
      <div class="spread">
        <div class="row"><button class="button primary">Save</button><button type="button" class="button" onClick={close}>Cancel</button></div>
        <div class="row">
          {device.status === "blocked" ? null : <Confirmed label="Block" sure="Block: take nothing from it" onConfirm={() => void block(device)} />}
          <Confirmed label="Remove" sure="Remove it with all its data" onConfirm={() => void forget()} />
        </div>
      </div>
    </form>
  );
}

type Level = "" | "amber" | "red";
const level = (value: number | null, amber: number, red: number): Level => (value === null ? "" : value >= red ? "red" : value >= amber ? "amber" : "");

/** Every number with one line of what it means and what cures it; always there, so that nothing below it ever moves. */
function Health({ link }: { link: Link | null }) {
  const skew = link?.clock_offset_ms ?? null;
  const ms = (value: number | null) => (value === null ? "–" : Math.abs(value) >= 10_000 ? duration(Math.abs(value)) : `${Math.abs(value) >= 100 ? Math.round(value) : Number(value.toFixed(1)) || 0} ms`.replace("-", "−"));
  const spool = link?.spool_batches ?? 0;
  return (
    <dl class="health" aria-label="Connection health">
      <Gauge name="Loss" value={link ? `${Number(link.loss_pct.toFixed(2))} %` : "–"} level={level(link?.loss_pct ?? null, 1, 5)} hint="packets lost, last 5 min" cure="weak or crowded network" />
      <Gauge name="Round trip" value={ms(link?.rtt_ms ?? null)} level="" hint="device to hub and back" />
      <Gauge name="Clock offset" value={ms(skew)} level={level(skew === null ? null : Math.abs(skew), 1_000, 60_000)} hint="device against hub" cure="set its clock (NTP)" />
      <Gauge name="Backlog" value={link ? count(spool) : "–"} level={level(spool, 50, 1_000)} hint="batches not yet sent" cure="catching up; the network is slow" />
      <Gauge name="Dropped" value={link ? count(link.dropped_readings) : "–"} level={level(link?.dropped_readings ?? null, 1, 1_000)} hint="readings lost to a full spool" cure="give the spool more room" />
      <Gauge name="Session" value={link ? duration(link.session_age_s * 1000) : "–"} level="" hint={link ? "since the last handshake" : "not connected"} />
    </dl>
  );
}

function Gauge({ name, value, level, hint, cure }: { name: string; value: string; level: Level; hint: string; cure?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={level}>{value}{level === "" ? null : <span class="seen-by-readers"> ({level})</span>}<small>{level !== "" && cure ? cure : hint}</small></dd>
    </div>
  );
}

function Charts({ device, route }: { device: Device; route: DeviceRoute }) {
  const [sensors, setSensors] = useState<Sensor[] | null>(null);
  const [table, setTable] = useState(false);
  const [beat, setBeat] = useState(0);
  const passed = useRef<Range[]>([]);
  const board = useMemo(
    () => new Board(device.id, {
      query: api.readings.query,
      now: serverNow,
      points: () => Math.round(Math.max(120, Math.min(1_200, innerWidth * 0.7))),
      failed: (error) => state.peek().connection === "live" && say(`History: ${reason(error)}`, "error"),
      filled: () => setBeat((before) => before + 1),
    }),
    [device.id],
  );

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
    api.devices.sensors(device.id).then((found) => setSensors((before) => inPlace(before, found)), (error) => say(reason(error), "error"));
    void loadLatest([device.id]);
    if (rules.peek() === null) void loadRules();
  }, [device.id, device.sensors, streams.value, grown]);

  const chosen = useMemo(() => (sensors ?? []).filter((one) => route.sensors.length === 0 || route.sensors.includes(one.sensor)), [sensors, route.sensors.join("\n")]);
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
  // A key may follow another before the page is drawn again: what is shown is in the address, not in this drawing of it.
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
    pan: (by: Millis) => { const now = showing(); hold(now.from + by, now.to + by, now.live ? "push" : "replace"); },
    // Its own way back: the browser's may lead out of this page.
    back: () => go({ ...here(), range: passed.current.pop() ?? DEFAULT_RANGE }),
    scale: (factor: number) => {
      const { from, to, live } = showing();
      if (live) show(last(Math.max(10_000, Math.round(((to - from) * factor) / 1000) * 1000)));
      else hold((from + to) / 2 - ((to - from) * factor) / 2, (from + to) / 2 + ((to - from) * factor) / 2);
    },
    step: (part: number) => { const now = showing(); actions.pan((now.to - now.from) * part); },
    pause: () => { const { from, to } = showing(); hold(from, to); },
    resume: () => { const { from, to } = showing(); show(last(nearestSpan(to - from))); },
    toggle: () => (showing().live ? actions.pause() : actions.resume()),
  };
  useChartKeys({ ...actions, table: () => setTable((before) => !before) });

  const now = state.value.now;
  const values = state.value.latest[device.id];
  const behind = live ? 0 : Math.max(0, now - (window?.to ?? now));

  if (sensors === null) return <p class="quiet" role="status">Loading sensors…</p>;
  if (sensors.length === 0) return <section class="card empty"><h2>No readings yet</h2><p>The charts begin with the first reading of this device.</p></section>;
  return (
    <>
      <div class="bar" role="toolbar" aria-label="Charts">
        <div class="segments" role="group" aria-label="Window">
          {SPANS.map(([span, label]) => (
            <button type="button" key={span} aria-pressed={route.range.from === `now-${span}` && live} onClick={() => show({ from: `now-${span}`, to: "now" })}>{label}</button>
          ))}
        </div>
        <div class="tools">
          {live ? <button type="button" class="button" onClick={actions.pause}>Pause</button> : (
            <button type="button" class="button paused" onClick={actions.resume}><span>Paused<span class="wide">, {duration(behind)} behind</span> – <span class="wide">return to </span>live<span class="wide"> (L)</span></span></button>
          )}
          {sensors.length > 1 ? <SensorMenu sensors={sensors} route={route} /> : null}
          <button type="button" class="button" aria-pressed={table} onClick={() => setTable(!table)}>Table</button>
          <a class="button" href={exportHref(route)} download title="Every reading of this window as a file"><span class="wide">Download </span>CSV</a>
        </div>
      </div>
      {chosen[0] && window ? (
        <Ranger
          device={device.id} sensor={chosen[0]} window={window} least={NARROWEST_MS} live={actions.resume}
          hold={(from, to, first) => hold(from, to, first ? "push" : "replace")}
        />
      ) : null}
      <div class="charts" data-beat={beat}>
        {chosen.map((sensor) => {
          const newest = values?.[sensor.sensor];
          const value = newest ? { value: newest.value, at: Date.parse(newest.at) } : sensor.last ? { value: sensor.last.value, at: Date.parse(sensor.last.at) } : null;
          return (
            <ChartCard
              key={sensor.sensor} board={board} sensor={sensor} index={sensors.indexOf(sensor)}
              thresholds={sensor.kind === "counter" ? [] : thresholdsOf(rules.value, device, sensor.sensor)} firing={firingOf(alerts.value, device.id, sensor.sensor)}
              gestures={actions} value={value} table={table} beat={beat}
              alone={chosen.length === 1} aloneHref={href({ ...route, sensors: [sensor.sensor] })}
              stale={device.status === "offline" || isLost(state.value) || (value !== null && now - value.at > staleAfter(board.interval(sensor) ?? device.interval_ms))}
            />
          );
        })}
      </div>
    </>
  );
}

/** Sensors as the hub lists them now; who was shown keeps its place, so that no chart moves away under a hand. */
function inPlace(before: readonly Sensor[] | null, found: readonly Sensor[]): Sensor[] {
  const sorted = [...found].sort(byImportance);
  if (before === null) return sorted;
  const place = new Map(before.map((one, i) => [one.sensor, i]));
  return sorted.map((one, i) => ({ one, at: place.get(one.sensor) ?? before.length + i })).sort((a, b) => a.at - b.at).map(({ one }) => one);
}

/** Which charts are shown. A menu, not a row of names: a computer has dozens of sensors, and the charts matter more. */
function SensorMenu({ sensors, route }: { sensors: readonly Sensor[]; route: DeviceRoute }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const [wanted, setWanted] = useState("");
  const chosen = route.sensors.length === 0 ? sensors.map((one) => one.sensor) : route.sensors;
  const choose = (names: readonly string[]) => go({ ...route, sensors: names.length === 0 || names.length === sensors.length ? [] : [...names] }, "replace");
  const toggle = (name: string) => choose(chosen.includes(name) ? chosen.filter((other) => other !== name) : sensors.map((one) => one.sensor).filter((one) => one === name || chosen.includes(one)));
  useEffect(() => {
    const close = (event: Event) => {
      if (menu.current?.open && (event instanceof KeyboardEvent ? event.key === "Escape" : !menu.current.contains(event.target as Node))) menu.current.open = false;
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, []);
  const found = sensors.filter((one) => one.sensor.toLowerCase().includes(wanted.trim().toLowerCase()));
  return (
    <details class="menu" ref={menu}>
      <summary class="button">{route.sensors.length === 0 ? `${sensors.length} sensors` : `${route.sensors.length} of ${sensors.length} sensors`}</summary>
      <div class="menu-body card">
        <div class="row">
          {sensors.length > FILTER_FROM ? <input class="input" type="search" aria-label="Find a sensor" placeholder="Find a sensor" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} /> : null}
          <button type="button" class="button" disabled={route.sensors.length === 0} onClick={() => choose([])}>Show all</button>
        </div>
        <ul aria-label="Sensors">
          {found.map(({ sensor }) => (
            <li key={sensor}>
              <label class="check"><input type="checkbox" checked={chosen.includes(sensor)} onChange={() => toggle(sensor)} />{clean(sensor)}</label>
              <button type="button" class="button plain" aria-label={`Only ${clean(sensor)}`} onClick={() => choose([sensor])}>only</button>
            </li>
          ))}
          {found.length === 0 ? <li class="quiet small">No sensor of that name</li> : null}
        </ul>
      </div>
    </details>
  );
}

function thresholdsOf(rules: readonly Rule[] | null, device: Device, sensor: string): Threshold[] {
  return (rules ?? []).flatMap((rule) =>
    rule.enabled && rule.condition.type === "threshold" && watches(rule, device, sensor)
      ? [{ value: rule.condition.value, above: rule.condition.op.startsWith(">"), label: `${clean(rule.name, 32)} ${rule.condition.op} ${measured(rule.condition.value, "")}` }]
      : [],
  );
}

function firingOf(alerts: Readonly<Record<string, Alert>> | null, device: string, sensor: string): [Millis, Millis | null][] {
  return Object.values(alerts ?? {}).flatMap((alert) => {
    const fired = millis(alert.fired_at);
    return alert.device === device && alert.sensor === sensor && fired !== null ? [[fired, millis(alert.resolved_at)] as [Millis, Millis | null]] : [];
  });
}

/** The offered window closest to a width, so that returning to live gives a readable address. */
function nearestSpan(ms: number): number {
  const offered = [60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000];
  return offered.reduce((best, one) => (Math.abs(Math.log(one / ms)) < Math.abs(Math.log(best / ms)) ? one : best));
}

function useChartKeys(actions: { toggle: () => void; resume: () => void; table: () => void; step: (part: number) => void; scale: (factor: number) => void; back: () => void }): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!isCommand(event)) return;
      const commands: Record<string, () => void> = {
        " ": actions.toggle, l: actions.resume, L: actions.resume, t: actions.table, T: actions.table, "0": actions.back,
        ArrowLeft: () => actions.step(-0.25), ArrowRight: () => actions.step(0.25), "+": () => actions.scale(0.5), "=": () => actions.scale(0.5), "-": () => actions.scale(2),
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
