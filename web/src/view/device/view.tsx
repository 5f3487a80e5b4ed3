// One device: how it is, how well it is heard, and a live chart a sensor. The address bar holds sensors and window.

import { useEffect, useState } from "preact/hooks";
import { adopt } from "../../actions/devices";
import { needDevice } from "../../actions/loading";
import * as api from "../../api";
import { part, state } from "../../app";
import { pathTo } from "../../base";
import type { Route } from "../../route";
import { AdoptCard } from "../adopt_card";
import { IdentityConflict, LedgerBalance, SourceErrors } from "../ledger";
import { Only } from "../may";
import { Charts } from "./charts";
import { Header } from "./header";
import { HealthLine } from "./health_line";
import { WrongClock } from "./wrong_clock";

type DeviceRoute = Extract<Route, { view: "device" }>;

const streams = part((s) => s.streams);

export function DeviceView({ route }: { route: DeviceRoute }) {
  const { id } = route;
  const device = state.value.devices?.[id] ?? null;
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    setMissing(false);
    // Before the stream runs anything may happen that nobody tells.
    if (device === null && streams.value > 0)
      needDevice(id).catch((error) => setMissing(error instanceof api.Refused && error.status === 404));
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
          {device.hardware !== null ? <HealthLine device={device} /> : null}
        </>
      )}
      {device.status === "pending" ? null : (
        <Charts key={`${id} ${device.status === "blocked"}`} device={device} route={route} />
      )}
      {device.status === "pending" ? null : <LedgerBalance device={device} />}
    </>
  );
}
