// Other devices in the same chart: which ones, and their readings beside those of the device that is looked at.

import { useEffect, useMemo, useState } from "preact/hooks";
import { LIVE_DEVICES, loadLatest, needDevices } from "../../actions/loading";
import { go, listen, part, state, subscribe } from "../../app";
import { Board, type Outside } from "../../chart/board";
import { Together, type Line } from "../../chart/together";
import { clean, scale } from "../../format";
import { OTHERS_MOST, type Route } from "../../route";
import type { Device, Sensor } from "../../types";
import { useMenu } from "../controls";

type DeviceRoute = Extract<Route, { view: "device" }>;

/** A list this long is searched, not read; and no longer one is shown. */
const [FILTER_FROM, SHOWN] = [10, 100];
const streams = part((s) => s.streams);
const byName = new Intl.Collator(undefined, { numeric: true });

/** The lines of one sensor of this device and of others, with what draws them; null where nothing is compared. */
export function useTogether(
  board: Board,
  device: Device,
  sensor: Sensor | undefined,
  route: DeviceRoute,
  outside: Outside,
): { together: Together; lines: Line[] } | null {
  const { devices } = state.value;
  const isCompared = (route.others ?? []).length > 0;
  useEffect(() => {
    if (isCompared) void needDevices();
  }, [isCompared]);
  const ids = sensor ? (route.others ?? []).filter((id) => id !== device.id && devices?.[id]) : [];
  const key = ids.join("\n");
  const boards = useMemo(() => ids.map((id) => new Board(id, null, outside)), [board, key]);
  const lines =
    sensor === undefined
      ? []
      : [device, ...ids.map((id) => devices![id]!)].map(
          (one, i): Line => ({
            ...sensor,
            device: one.id,
            called: one.name,
            ...(i === 0 ? {} : { interval_ms: one.interval_ms, last: null }),
          }),
        );
  // Before the card is drawn, not after: it reads the boards' window.
  useMemo(() => {
    for (const [i, one] of boards.entries()) one.show([lines[i + 1]!], route.range);
  }, [boards, sensor?.sensor, sensor?.kind, route.range.from, route.range.to]);
  useEffect(() => {
    for (const one of boards) void one.fill();
  }, [boards, streams.value]);
  useEffect(() => {
    if (sensor === undefined || boards.length === 0) return;
    void loadLatest(ids);
    const stops = [
      listen((message) => {
        for (const one of boards) one.receive(message);
      }),
      ...ids.map((id) => subscribe({ device: id, sensor: sensor.sensor, max_hz: 10 })),
    ];
    return () => {
      for (const stop of stops) stop();
      for (const one of boards) one.close();
    };
  }, [boards, sensor?.sensor]);
  const together = useMemo(() => new Together(board, boards), [board, boards]);
  return boards.length === 0 ? null : { together, lines };
}

/** Devices that measure the same: each one chosen is a line more. */
export function CompareMenu({ device, sensor, route }: { device: Device; sensor: Sensor; route: DeviceRoute }) {
  const menu = useMenu();
  useEffect(() => void needDevices(), []);
  const [wanted, setWanted] = useState("");
  const { devices, latest } = state.value;
  const chosen = route.others ?? [];
  const isFleet = Object.keys(devices ?? {}).length > LIVE_DEVICES;
  const signs = scale(sensor.unit, 0).unit;
  const same = Object.values(devices ?? {}).filter((one) => {
    const value = latest[one.id]?.[sensor.sensor];
    return (
      one.id !== device.id && (chosen.includes(one.id) || (value !== undefined && scale(value.unit, 0).unit === signs))
    );
  });
  const found = same
    .filter((one) =>
      `${one.name} ${Object.values(one.labels).join(" ")}`.toLowerCase().includes(wanted.trim().toLowerCase()),
    )
    .sort((a, b) => byName.compare(a.name, b.name));
  if (same.length === 0 && !isFleet) return null;
  const toggle = (id: string) =>
    go({ ...route, others: chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id] }, "replace");
  return (
    <details class="menu" ref={menu} onToggle={() => menu.current?.open && isFleet && void loadLatest([])}>
      <summary class={`button ${chosen.length > 0 ? "set" : ""}`}>
        {chosen.length === 0 ? "Compare" : `Compared with ${chosen.length}`}
      </summary>
      <div class="menu-body card">
        <div class="row">
          {same.length > FILTER_FROM ? (
            <input
              class="input"
              type="search"
              aria-label="Find a device"
              placeholder="Find a device"
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
          ) : null}
          <button
            type="button"
            class="button"
            disabled={chosen.length === 0}
            onClick={() => go({ ...route, others: [] }, "replace")}
          >
            None
          </button>
        </div>
        <ul aria-label="Devices to compare with">
          {found.slice(0, SHOWN).map(({ id, name }) => (
            <li key={id}>
              <label class="check">
                <input
                  type="checkbox"
                  checked={chosen.includes(id)}
                  disabled={!chosen.includes(id) && chosen.length >= OTHERS_MOST}
                  onChange={() => toggle(id)}
                />
                <span>{clean(name)}</span>
              </label>
            </li>
          ))}
          {found.length > SHOWN ? (
            <li class="quiet small">Type a part of its name to find one of the other {found.length - SHOWN}.</li>
          ) : null}
          {found.length === 0 ? <li class="quiet small">No other device measures this.</li> : null}
        </ul>
        {chosen.length >= OTHERS_MOST ? (
          <p class="small quiet">{OTHERS_MOST} others at most: more lines cannot be told from each other.</p>
        ) : null}
      </div>
    </details>
  );
}
