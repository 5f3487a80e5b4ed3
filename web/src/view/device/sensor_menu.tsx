// Which sensors of a device are shown.

import { useState } from "preact/hooks";
import { go } from "../../app";
import { hint, title } from "../../names";
import type { Route } from "../../route";
import type { Sensor } from "../../types";
import { useMenu } from "../controls";

type DeviceRoute = Extract<Route, { view: "device" }>;

/** A list this long is searched, not read. */
const FILTER_FROM = 10;

/** Which charts are shown. A menu, not a row of names: a computer has dozens of sensors, and the charts matter more. */
export function SensorMenu({ sensors, route }: { sensors: readonly Sensor[]; route: DeviceRoute }) {
  const menu = useMenu();
  const [wanted, setWanted] = useState("");
  const chosen = route.sensors.length === 0 ? sensors.map((one) => one.sensor) : route.sensors;
  const choose = (names: readonly string[]) =>
    go({ ...route, sensors: names.length === 0 || names.length === sensors.length ? [] : [...names] }, "replace");
  const toggle = (name: string) =>
    choose(
      chosen.includes(name)
        ? chosen.filter((other) => other !== name)
        : sensors.map((one) => one.sensor).filter((one) => one === name || chosen.includes(one)),
    );
  const found = sensors.filter((one) =>
    `${one.sensor} ${title(one.sensor)}`.toLowerCase().includes(wanted.trim().toLowerCase()),
  );
  return (
    <details class="menu" ref={menu}>
      <summary class="button">
        {route.sensors.length === 0
          ? `${sensors.length} sensors`
          : `${route.sensors.length} of ${sensors.length} sensors`}
      </summary>
      <div class="menu-body card">
        <div class="row">
          {sensors.length > FILTER_FROM ? (
            <input
              class="input"
              type="search"
              aria-label="Find a sensor"
              placeholder="Find a sensor"
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
          ) : null}
          <button type="button" class="button" disabled={route.sensors.length === 0} onClick={() => choose([])}>
            Show all
          </button>
        </div>
        <ul aria-label="Sensors">
          {found.map(({ sensor }) => (
            <li key={sensor}>
              <label class="check">
                <input type="checkbox" checked={chosen.includes(sensor)} onChange={() => toggle(sensor)} />
                <span title={hint(sensor)}>{title(sensor)}</span>
              </label>
              <button
                type="button"
                class="button plain"
                aria-label={`Only ${title(sensor)}`}
                onClick={() => choose([sensor])}
              >
                only
              </button>
            </li>
          ))}
          {found.length === 0 ? <li class="quiet small">No sensor of that name</li> : null}
        </ul>
      </div>
    </details>
  );
}
