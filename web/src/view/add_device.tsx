// How a device gets here: the command to run on it, with this hub's address and, if wanted, a join token.

import { useState } from "preact/hooks";
import * as api from "../api";
import { told } from "../actions";
import { part, state } from "../app";
import { count, duration } from "../format";
import { Copyable } from "./controls";

const hub = part((s) => s.hub);
const opened = Date.now();

/** The empty page: an instruction, and a sign that somebody listens. */
export function FirstDevice() {
  return (
    <section class="card start">
      <div>
        <h2>No devices yet</h2>
        <p class="quiet">Run the agent on any computer or board of this network. It shows up here by itself, within seconds.</p>
      </div>
      <Steps />
    </section>
  );
}

export function AddDevice({ close }: { close: () => void }) {
  return (
    <section class="card stack" aria-label="Add a device">
      <div class="spread"><h2>Add a device</h2><button type="button" class="button plain" onClick={close}>Close</button></div>
      <Steps />
    </section>
  );
}

function Steps() {
  const [token, setToken] = useState<string | null>(null);
  const known = hub.value;
  const host = location.hostname.includes(":") && !location.hostname.startsWith("[") ? `[${location.hostname}]` : location.hostname;
  const address = `${host}:${known?.udp_port ?? 5770}`;
  const command = `device-agent run --hub ${address}${token ? ` --join-token ${token}` : ""}`;
  const local = /^(localhost|127\.|\[?::1)/.test(location.hostname);
  const policy = known?.join.policy;
  const make = async () => {
    const made = await told(api.tokens.createJoin({ uses: 1, expires: "24h" }));
    if (made) setToken(made.token);
  };
  return (
    <div class="start-steps">
      <ol class="steps">
        <li>
          <p>Start the agent on the device.{local ? <span class="quiet"> This address works on this computer only; elsewhere use the hub's own.</span> : null}</p>
          <Copyable text={command} label="agent command" />
          {token ? <p class="small quiet">The token is in the command: one device, 24 hours, adopted without a click.</p> : (
            <div class="row">
              <button type="button" class="button" onClick={() => void make()}>Make a join token</button>
              <span class="small quiet">{policy === "token" || policy === "closed" ? "This hub takes only devices with a token." : "Optional: with a token the device is adopted without a click."}</span>
            </div>
          )}
        </li>
        <li><p>{token ? "It appears in the list." : "A card appears here with six words. If the agent prints the same words, adopt it."}</p></li>
      </ol>
      <Listening />
    </div>
  );
}

function Listening() {
  const known = hub.value;
  if (!known) return null;
  const seconds = duration(state.value.now - state.value.skew - opened);
  return (
    <p class="listening" role="status" aria-live="off">
      {known.discovery.enabled
        ? `Listening on UDP ${known.udp_port}${known.discovery.group ? ` and ${known.discovery.group}` : ""}: ${count(known.discovery.probes)} ${known.discovery.probes === 1 ? "probe" : "probes"} seen, watching for ${seconds}`
        : `Listening on UDP ${known.udp_port}; discovery is off, so the agent needs --hub`}
    </p>
  );
}
