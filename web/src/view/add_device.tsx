// How a device gets here: by a pasted line, a package, a memory card or by hand, with this hub's address and a join token.

import { useId, useState } from "preact/hooks";
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

type Way = "line" | "deb" | "card" | "hand";

const WAYS: [Way, string][] = [["line", "Linux or Pi"], ["deb", "Debian package"], ["card", "Memory card"], ["hand", "By hand"]];

function Steps() {
  const [token, setToken] = useState<string | null>(null);
  const [chosen, choose] = useState<Way | null>(null);
  const id = useId();
  const known = hub.value;
  const agents = known?.agents ?? [];
  // A hub that has no agents to hand out can only tell how to run one that is there already.
  const way = chosen ?? (agents.length > 0 ? "line" : "hand");
  const host = location.hostname.includes(":") && !location.hostname.startsWith("[") ? `[${location.hostname}]` : location.hostname;
  const local = /^(localhost|127\.|\[?::1)/.test(location.hostname);
  const policy = known?.join.policy;
  const make = async () => {
    const made = await told(api.tokens.createJoin({ uses: 1, expires: "24h" }));
    if (made) setToken(made.token);
  };
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = (WAYS.findIndex(([name]) => name === way) + step + WAYS.length) % WAYS.length;
    choose(WAYS[next]![0]);
    document.getElementById(`${id}-${WAYS[next]![0]}`)?.focus();
  };
  return (
    <div class="start-steps">
      <div class="segments" role="tablist" aria-label="How the agent gets onto the device" onKeyDown={move}>
        {WAYS.map(([name, label]) => (
          <button key={name} id={`${id}-${name}`} type="button" role="tab" aria-selected={name === way} aria-controls={`${id}-panel`} tabIndex={name === way ? 0 : -1} onClick={() => choose(name)}>{label}</button>
        ))}
      </div>
      <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${way}`}>
        <ol class="steps">
          <li>
            <Instruction way={way} address={`${host}:${known?.udp_port ?? 5770}`} token={token} agents={agents} />
            {local ? <p class="small quiet">This address works on this computer only; elsewhere open this page by the hub's own.</p> : null}
            {token ? <p class="small quiet">The token is in it: one device, 24 hours, adopted without a click. Whoever has it may join.</p> : (
              <div class="row">
                <button type="button" class="button" onClick={() => void make()}>Make a join token</button>
                <span class="small quiet">{way !== "hand" || policy === "token" || policy === "closed" ? "One device, 24 hours." : "Optional: with a token the device is adopted without a click."}</span>
              </div>
            )}
          </li>
          <li><p>{token || way !== "hand" ? "It appears in the list." : "A card appears here with six words. If the agent prints the same words, adopt it."}</p></li>
        </ol>
      </div>
      <Listening />
    </div>
  );
}

/** What to type, for one way; it holds a token where one was made. */
function Instruction({ way, address, token, agents }: { way: Way; address: string; token: string | null; agents: readonly string[] }) {
  const [target, setTarget] = useState<string | null>(null);
  const machine = target ?? agents[0] ?? "aarch64";
  if (way === "hand") {
    return (
      <>
        <p>Run the agent that is on the device already.</p>
        <Copyable text={`device-agent run --hub ${address}${token ? ` --join-token ${token}` : ""}`} label="agent command" />
      </>
    );
  }
  if (way === "card") {
    return (
      <>
        <p>Put the card into a computer, mount its root file system, and run on the hub:</p>
        <Copyable text={`telemetry-hub flash --root /mnt/sdcard --hub ${address} --join-token ${token ?? "new"}`} label="flash command" />
        <p class="small quiet">The agent starts when the device does. For an image that is copied to many: <code>--join-token new --uses 50</code>.</p>
      </>
    );
  }
  if (agents.length === 0) {
    return <p>This hub has no agents to hand out. Build them with <code>make agent</code> and put them into <code>agents</code> in its data directory.</p>;
  }
  if (way === "line") {
    return (
      <>
        <p>Paste this on the device, as root. {token ? null : "First, a token for it:"}</p>
        {token ? <Copyable text={`curl -fsS '${location.origin}/install.sh?token=${token}' | sh`} label="install command" /> : null}
        <p class="small quiet">For {agents.join(", ")}; with systemd or OpenRC. Without curl: <code>wget -qO- '…' | sh</code>.</p>
      </>
    );
  }
  return (
    <>
      <p>Fetch and install the package on the device, as root. {token ? null : "First, a token for it:"}</p>
      <label class="small">Machine{" "}
        <select value={machine} onChange={(event) => setTarget(event.currentTarget.value)}>{agents.map((name) => <option key={name}>{name}</option>)}</select>
      </label>
      {token ? <Copyable text={`curl -fsSo device-agent.deb '${location.origin}/bundle/${machine}.deb?token=${token}' && dpkg -i device-agent.deb`} label="package command" /> : null}
    </>
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
