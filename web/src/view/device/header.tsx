// The head of a device's screen: its name, how it is now, what it is, and the form that changes it.

import { useState } from "preact/hooks";
import { state } from "../../app";
import { say } from "../../actions/answer";
import { pathTo } from "../../base";
import { favour, favourites } from "../../favourites";
import { toggled } from "../../filter";
import { clean, cleanName, duration } from "../../format";
import { address } from "../../names";
import { href, OVERVIEW } from "../../route";
import { ruleName } from "../../alert";
import { contact, standing } from "../../standing";
import { firing } from "../../state";
import type { Device } from "../../types";
import { Status } from "../controls";
import { lazily } from "../lazy";
import { Only } from "../may";

/** More names than these would push the charts off the screen; all are one click away. */
const ALARMS_SHOWN = 3;
/** Opened by few who look at a device: fetched by whoever does. */
const edit = lazily(() => import("./edit").then((form) => form.DeviceEdit));

export function Header({ device }: { device: Device }) {
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
              <Status of="firing" /> {cleanName(ruleName(alert), 40)}
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
          onClick={() => {
            favour(device.id);
            if (favourites.peek().has(device.id)) say("It is first in the list now, in this browser.");
          }}
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
