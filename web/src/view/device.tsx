// One device: how it is, how well it is heard, and a live chart a sensor. The address bar holds sensors and window.

import { pathTo } from "../base";
import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { adopt, loadDevice } from "../actions/devices";
import { part, state } from "../app";
import { toggled } from "../filter";
import { favour, favourites } from "../favourites";
import { clean, duration } from "../format";
import { address } from "../names";
import { href, OVERVIEW, type Route } from "../route";
import { ruleName } from "../rule";
import { contact, standing } from "../standing";
import { firing } from "../state";
import type { Device } from "../types";
import { AdoptCard } from "./adopt_card";
import { Charts } from "./charts";
import { Status } from "./controls";
import { HealthLine } from "./health_line";
import { lazily } from "./lazy";
import { Only } from "./may";
import { WrongClock } from "./wrong_clock";
import { IdentityConflict, LedgerBalance, SourceErrors } from "./ledger";

type DeviceRoute = Extract<Route, { view: "device" }>;

/** More names than these would push the charts off the screen; all are one click away. */
const ALARMS_SHOWN = 3;
/** Opened by few who look at a device: fetched by whoever does. */
const edit = lazily(() => import("./device_edit").then((form) => form.DeviceEdit));

const streams = part((s) => s.streams);

export function DeviceView({ route }: { route: DeviceRoute }) {
  const { id } = route;
  const device = state.value.devices?.[id] ?? null;
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    setMissing(false);
    if (device === null)
      loadDevice(id).catch((error) => setMissing(error instanceof api.Refused && error.status === 404));
  }, [id, streams.value]);

  if (missing && device === null) {
    return (
      <section class="card empty">
        <h1>No such device</h1>
        <p>It may have been removed.</p>
        <a class="button" href={pathTo("/")}>
          All devices
        </a>
      </section>
    );
  }
  if (device === null)
    return (
      <p class="quiet" role="status">
        Loading…
      </p>
    );
  return (
    <>
      <Header device={device} />
      {device.status === "pending" ? <AdoptCard device={device} /> : null}
      {device.status === "blocked" ? (
        <div class="note bad">
          <span>Blocked: the hub ignores everything it sends.</span>
          <Only may="operate">
            <button type="button" class="button" onClick={() => void adopt(device)}>
              Adopt it
            </button>
          </Only>
        </div>
      ) : null}
      {device.status === "pending" ? null : (
        <>
          <IdentityConflict device={device} />
          <SourceErrors device={device} />
          <WrongClock device={device} />
          {device.words.length > 0 ? <HealthLine device={device} /> : null}
        </>
      )}
      {device.status === "pending" ? null : (
        <Charts key={`${id} ${device.status === "blocked"}`} device={device} route={route} />
      )}
      {device.status === "pending" ? null : <LedgerBalance device={device} />}
    </>
  );
}

function Header({ device }: { device: Device }) {
  const [editing, setEditing] = useState(false);
  const uptime = state.value.latest[device.id]?.["uptime"];
  const up = uptime?.unit === "s" && device.status === "online" ? uptime.value : undefined;
  const labels = Object.entries(device.labels);
  const alarms = firing(state.value)
    .filter((alert) => alert.device === device.id)
    .slice(0, ALARMS_SHOWN);
  return (
    <div class="head">
      <div class="stack" style={{ gap: "6px" }}>
        <a class="crumb" href={pathTo("/")}>
          ← Devices
        </a>
        <div class="title">
          <h1>{clean(device.name)}</h1>
          <Status of={standing(state.value, device)} />
          {alarms.map((alert) => (
            <a class="status bad" key={alert.id} href={pathTo("/a")}>
              <Status of="firing" /> {clean(ruleName(alert), 40)}
            </a>
          ))}
          <span class="small quiet">{contact(state.value, device)}</span>
        </div>
        <div class="row">
          {labels.map(([key, value]) => (
            <a
              class="chip"
              key={key}
              href={href({ ...OVERVIEW, q: toggled("", `${key}=${value}`) })}
              title="Devices with this label"
            >
              {clean(key)}={clean(value)}
            </a>
          ))}
          <span class="small quiet wide" title={clean(device.address ?? "")}>
            {[
              device.model,
              up === undefined ? null : `up ${duration(up * 1_000)}`,
              device.version ? `agent ${device.version}` : null,
              device.address && address(device.address),
            ]
              .filter((text) => text)
              .map((text) => clean(text!))
              .join(" · ")}
          </span>
        </div>
      </div>
      <div class="row">
        <button
          type="button"
          class="button"
          aria-pressed={favourites.value.has(device.id)}
          title="Favourites are first in the list, in this browser"
          onClick={() => favour(device.id)}
        >
          {favourites.value.has(device.id) ? "★" : "☆"} Favourite
        </button>
        <Only may="operate">
          <button type="button" class="button" aria-expanded={editing} onClick={() => setEditing(!editing)}>
            Edit
          </button>
          <a class="button" href={pathTo(`/a?rule=new&device=${encodeURIComponent(device.name)}`)}>
            New rule
          </a>
        </Only>
      </div>
      {device.notes === "" ? null : <p class="notes">{lines(device.notes)}</p>}
      {editing ? <edit.View device={device} close={() => setEditing(false)} /> : null}
    </div>
  );
}

/** Notes as they were written, line by line. */
const lines = (notes: string) =>
  notes
    .split("\n")
    .map((line) => clean(line, 2_000))
    .join("\n");
