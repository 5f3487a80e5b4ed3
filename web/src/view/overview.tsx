// All devices: who waits for adoption on top, then everyone with status and live values.
//
// Only rows on the screen exist as elements, so ten thousand devices cost as much as forty.

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { LIVE_DEVICES, loadHub, loadLatest } from "../actions";
import { go, part, serverNow, state, subscribe } from "../app";
import { ago, clean, commonDecimals, count } from "../format";
import { byImportance } from "../rank";
import { DEFAULT_RANGE, href, type Route, type Shown } from "../route";
import { buckets, staleAfter } from "../series";
import { alertsText, firingByDevice, standing } from "../standing";
import { lastHeard } from "../state";
import type { Device, DeviceStatus, Latest, Series } from "../types";
import { AddDevice, FirstDevice } from "./add_device";
import { AdoptCard } from "./adopt_card";
import { Quantity, Status, useEvery } from "./controls";
import { failingSources } from "./ledger";

type OverviewRoute = Extract<Route, { view: "overview" }>;

const VALUES_SHOWN = 4;
const SPARK_MS = 10 * 60_000;
const SPARK_POINTS = 64;
/** A sparkline is a glance; its refresh need not be faster than its pixels move. */
const SPARK_EVERY_MS = 10_000;
/** The hub answers at most so many queries in one request. */
const SPARKS_AT_ONCE = 50;
/** Rows kept above and below the screen, so that a quick scroll shows no hole. */
const OVERSCAN = 6;

const devices = part((s) => s.devices);
const latest = part((s) => s.latest);
const streams = part((s) => s.streams);
const byName = new Intl.Collator(undefined, { numeric: true });

let order: readonly Device[] = [];
const sorted = part(() => {
  const all = devices.value ?? {};
  // Most events change no name; sorting ten thousand anew for each would be felt.
  const same = order.length === Object.keys(all).length && order.every((device) => all[device.id]?.name === device.name);
  order = same ? order.map((device) => all[device.id]!) : Object.values(all).sort((a, b) => byName.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
  return order;
});
const counts = part(() => {
  const found: Record<DeviceStatus, number> = { online: 0, offline: 0, pending: 0, blocked: 0 };
  for (const device of sorted.value) found[device.status]++;
  return found;
});
const alarmed = part((s) => firingByDevice(s));

export function Overview({ route }: { route: OverviewRoute }) {
  const [adding, setAdding] = useState(false);
  useEvery(5_000, () => void loadHub());
  if (devices.value === null) return <><h1>Devices</h1><p class="quiet" role="status">Loading…</p></>;

  const pending = sorted.value.filter((device) => device.status === "pending");
  const rows = sorted.value.filter((device) => shown(device, route));
  const settled = sorted.value.length - pending.length;
  const total = counts.value;
  const firingNow = sorted.value.filter((device) => alarmed.value.has(device.id)).length;

  return (
    <>
      <div class="head">
        <h1>Devices</h1>
        {sorted.value.length > 0 ? <button type="button" class="button" aria-expanded={adding} onClick={() => setAdding(!adding)}>Add a device</button> : null}
      </div>
      {adding ? <AddDevice close={() => setAdding(false)} /> : null}
      {pending.length > 0 && (route.status === null || route.status === "pending") ? (
        <section class="stack" aria-labelledby="waiting">
          <h2 id="waiting">{pending.length === 1 ? "One device asks to join" : `${count(pending.length)} devices ask to join`}</h2>
          <div class="pending">{pending.slice(0, 12).map((device) => <AdoptCard key={device.id} device={device} />)}</div>
        </section>
      ) : null}
      {sorted.value.length === 0 ? <FirstDevice /> : null}
      {settled > 0 ? (
        <section class="stack" aria-label="Device list">
          <div class="spread">
            <nav class="segments" aria-label="Filter by status">
              <Filter route={route} status={null} label="All" n={settled} />
              <Filter route={route} status="online" label="Online" n={total.online} />
              <Filter route={route} status="offline" label="Offline" n={total.offline} bad={total.offline > 0} />
              {firingNow > 0 || route.status === "firing" ? <Filter route={route} status="firing" label="Firing" n={firingNow} bad={firingNow > 0} /> : null}
              {total.blocked > 0 ? <Filter route={route} status="blocked" label="Blocked" n={total.blocked} /> : null}
            </nav>
            <div class="search">
              <input
                id="search" class="input" type="search" aria-label="Search devices" placeholder="Name, label, model" value={route.q}
                onInput={(event) => go({ ...route, q: event.currentTarget.value }, "replace")}
                onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
              />
              {route.q === "" ? <kbd aria-hidden="true">/</kbd> : null}
            </div>
          </div>
          {rows.length > 0 ? <Rows rows={rows} /> : <p class="card empty quiet" role="status">No device matches. <a href="/">Show all</a></p>}
        </section>
      ) : null}
    </>
  );
}

function shown(device: Device, { status, q }: OverviewRoute): boolean {
  if (device.status === "pending" || (status === "firing" ? !alarmed.value.has(device.id) : status === null ? device.status === "blocked" && q === "" && counts.value.online + counts.value.offline > 0 : device.status !== status)) return false;
  const wanted = q.trim().toLowerCase();
  if (wanted === "") return true;
  const text = [device.name, device.id, device.model ?? "", device.address ?? "", ...Object.entries(device.labels).map(([key, value]) => `${key}=${value}`)].join(" ").toLowerCase();
  return wanted.split(/\s+/).every((word) => text.includes(word));
}

function Filter({ route, status, label, n, bad = false }: { route: OverviewRoute; status: Shown | null; label: string; n: number; bad?: boolean }) {
  return <a href={href({ ...route, status })} aria-current={route.status === status ? "true" : undefined}>{label} <span class={bad ? "bad" : "quiet"}>{count(n)}</span></a>;
}

function Rows({ rows }: { rows: readonly Device[] }) {
  const list = useRef<HTMLUListElement>(null);
  const [{ first, end, height }, setRange] = useState({ first: 0, end: 40, height: 60 });
  useEffect(() => {
    const measure = () => {
      if (!list.current) return;
      const row = list.current.querySelector(".device")?.getBoundingClientRect().height || 60;
      const above = Math.max(0, -list.current.getBoundingClientRect().top);
      const from = Math.max(0, Math.floor(above / row) - OVERSCAN);
      const to = from + Math.ceil(innerHeight / row) + 2 * OVERSCAN;
      setRange((before) => (before.first === from && before.end === to && before.height === row ? before : { first: from, end: to, height: row }));
    };
    measure();
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  }, [rows.length]);

  const visible = rows.slice(first, end);
  const names = visible.map((device) => device.id).join(" ");
  const sparks = useLiveValues(visible, names, rows.length);
  const decimals = decimalsOf(visible);
  return (
    <div class="card list">
      <div class="list-head" aria-hidden="true"><span>Name</span><span>Status</span><span>Last values</span><span class="spark-head">10 minutes</span><span>Last seen</span></div>
      <ul ref={list} style={{ paddingTop: `${first * height}px`, paddingBottom: `${Math.max(0, rows.length - end) * height}px` }}>
        {visible.map((device) => <DeviceRow key={device.id} device={device} values={latest.value[device.id]} spark={sparks[device.id]} decimals={decimals} />)}
      </ul>
    </div>
  );
}

/** Live values and sparklines of the rows on the screen. */
function useLiveValues(visible: readonly Device[], names: string, total: number): Record<string, Series> {
  const [sparks, setSparks] = useState<Record<string, Series>>({});
  const few = total <= LIVE_DEVICES;
  useEffect(() => (few ? subscribe({ device: "*", sensor: "*", max_hz: 1 }) : undefined), [few]);
  useEvery(few ? 60_000 : 2_000, () => {
    if (visible.length > 0) void loadLatest(few ? [] : visible.map((device) => device.id));
  }, `${few ? total : names} ${streams.value}`);
  useEvery(SPARK_EVERY_MS, () => {
    const wanted = visible.slice(0, SPARKS_AT_ONCE).flatMap((device) => {
      const sensor = keyValues(state.peek().latest[device.id])[0]?.sensor;
      return sensor === undefined ? [] : [{ device: [device.id], sensor: [sensor], ...buckets(serverNow() - SPARK_MS, serverNow(), SPARK_POINTS) }];
    });
    if (wanted.length === 0 || !matchMedia("(min-width: 1081px)").matches) return;
    // A row without its sparkline is still a row: a failure here is not worth words.
    api.readings.query(wanted).then((results) => setSparks(Object.fromEntries(results.flatMap((result) => result.series.map((series) => [series.device, series])))), () => {});
  }, `${names} ${streams.value} ${visible.filter((device) => latest.value[device.id]).length}`);
  return sparks;
}

function DeviceRow({ device, values, spark, decimals }: { device: Device; values: Readonly<Record<string, Latest>> | undefined; spark: Series | undefined; decimals: Readonly<Record<string, number>> }) {
  const now = state.value.now;
  const keys = keyValues(values);
  const heard = lastHeard(state.value, device);
  const stands = standing(state.value, device);
  const stale = stands !== "online" || (heard !== null && now - heard > staleAfter(device.interval_ms));
  const labels = Object.entries(device.labels).map(([key, value]) => `${clean(key)}=${clean(value)}`).join("  ");
  const alerts = alarmed.value.get(device.id);
  return (
    <li>
      <a class={`device ${stale ? "stale" : ""}`} href={href({ view: "device", id: device.id, sensors: [], range: DEFAULT_RANGE })}>
        <span class="who">
          <span class="name" title={clean(device.name)}>{clean(device.name)}</span>
          <span class="labels">{labels || clean(device.model ?? "")}</span>
        </span>
        <span>
          <Status of={stands} />
          {alerts ? <span class={`alarm ${alerts.some((alert) => alert.acked_at === null) ? "" : "acked"}`}>{alertsText(alerts)}</span> : null}
          {device.source_errors.length > 0 && device.status === "online" ? <span class="failing">{failingSources(device)}</span> : null}
        </span>
        <span class="values">
          {keys.map((key) => (
            <span class="value" key={key.sensor} title={clean(key.sensor)}><b><Quantity value={key.value} unit={key.unit} decimals={decimals[key.sensor] ?? 0} /></b><span>{clean(key.sensor)}</span></span>
          ))}
        </span>
        <Spark series={spark} />
        <span class="seen">{ago(heard, now)}</span>
      </a>
    </li>
  );
}

/** A column of numbers has the same decimals in every row, so that none changes its width while it lives. */
function decimalsOf(rows: readonly Device[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const device of rows) {
    for (const { sensor, unit, value } of keyValues(latest.value[device.id])) found[sensor] = Math.max(found[sensor] ?? 0, commonDecimals([value], unit));
  }
  return found;
}

function keyValues(values: Readonly<Record<string, Latest>> | undefined): Latest[] {
  return Object.values(values ?? {}).sort(byImportance).slice(0, VALUES_SHOWN);
}

function Spark({ series }: { series: Series | undefined }) {
  const values = (series?.avg ?? []).filter((value): value is number => value !== null);
  if (!series || values.length < 2) return <span class="spark" aria-hidden="true" />;
  const low = Math.min(...values);
  const spread = Math.max(...values) - low || 1;
  const from = series.t[0]!;
  const width = series.t.at(-1)! - from || 1;
  let path = "";
  let missing = 0;
  let pen = "M";
  series.t.forEach((t, i) => {
    const value = series.avg[i];
    if (value === null || value === undefined) {
      // One empty bucket may lie between two readings of a slow sensor; more is an outage and breaks the line.
      if (++missing > 3) pen = "M";
      return;
    }
    path += `${pen}${(((t - from) / width) * 126 + 1).toFixed(1)} ${(29 - ((value - low) / spread) * 26).toFixed(1)}`;
    pen = "L";
    missing = 0;
  });
  return <svg class="spark" viewBox="0 0 128 32" preserveAspectRatio="none" aria-hidden="true"><path d={path} /></svg>;
}
