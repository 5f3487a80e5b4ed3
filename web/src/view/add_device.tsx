// How a device gets here: one button, then one command that holds this hub's address and a token.
// Other ways are folded.

import { useState } from "preact/hooks";
import * as api from "../api";
import { told } from "../actions/answer";
import { part } from "../app";
import { count } from "../format";
import { command, places, withoutCurl, type Place, type Way } from "../join";
import type { Hub } from "../types";
import { Copyable } from "./controls";
import { Lack, may } from "./may";
import { OtherDoors } from "./other_doors";

const hub = part((s) => s.hub);

/** The empty page: an instruction, and a sign that somebody listens. */
export function FirstDevice({ onCommand }: { onCommand: () => void }) {
  return (
    <section class="card start">
      <div>
        <h2>No devices yet</h2>
        <p class="quiet">
          A device is any computer or board on this network that runs the agent. It shows up here by itself.
        </p>
      </div>
      {may("admin") ? <Steps onCommand={onCommand} /> : <Lack of="admin" />}
    </section>
  );
}

export function AddDevice({ close }: { close: () => void }) {
  return (
    <section class="card stack" aria-label="Add a device">
      <div class="spread">
        <h2>Add a device</h2>
        <button type="button" class="button plain" onClick={close}>
          Close
        </button>
      </div>
      <Steps />
    </section>
  );
}

const OTHERS: [Way, string][] = [
  ["line", "Linux or Pi"],
  ["deb", "Debian package"],
  ["card", "Memory card"],
  ["hand", "Agent already installed"],
];

function Steps({ onCommand }: { onCommand?: () => void }) {
  const known = hub.value;
  const [token, setToken] = useState<string | null>(null);
  const [wanted, setWanted] = useState<Way | null>(null);
  const [address, setAddress] = useState(0);
  const [other, setOther] = useState<Way | null>(null);
  if (known === null)
    return (
      <p class="quiet" role="status">
        Loading…
      </p>
    );
  const all = places(known, location);
  const place = all[address] ?? all[0]!;
  // A hub that has no agents to hand out, or cannot be reached for them,
  // can only tell how to run one that is there already.
  const first: Way = known.agents.length > 0 && place.origin ? "line" : "hand";
  const others = OTHERS.filter(([way]) => way !== first);
  const way = other !== null && other !== first ? other : others[0]![0];
  const make = async (way: Way) => {
    onCommand?.();
    const made = await told(api.tokens.createJoin({ uses: 1, expires: "24h" }));
    if (!made) return;
    setWanted(way);
    setToken(made.token);
  };
  const shared = {
    hub: known,
    place,
    token,
    wanted,
    copied: () => setWanted(null),
    make: (way: Way) => void make(way),
  };
  return (
    <div class="start-steps">
      <ol class="steps">
        <li>
          <Instruction way={first} {...shared} />
        </li>
        <li>
          <p>
            {token || first === "line"
              ? "The device shows up in the list within a few seconds."
              : "A card appears here with six words. If the agent prints the same words, click Adopt."}
          </p>
        </li>
      </ol>
      {all.length > 1 ? (
        <label class="small row">
          Address of this hub in the command
          <select
            class="input short"
            value={address}
            onChange={(event) => setAddress(Number(event.currentTarget.value))}
          >
            {all.map((one, i) => (
              <option key={one.agents} value={i}>
                {one.origin ?? one.agents}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <details class="other-ways">
        <summary>Other ways to add a device</summary>
        <div class="stack">
          <div class="segments" role="group" aria-label="Other ways">
            {others.map(([name, label]) => (
              <button key={name} type="button" aria-pressed={name === way} onClick={() => setOther(name)}>
                {label}
              </button>
            ))}
          </div>
          <div class="stack tight">
            <Instruction way={way} {...shared} />
          </div>
        </div>
      </details>
      <details class="other-ways">
        <summary>Devices that run no agent</summary>
        <OtherDoors place={place} />
      </details>
      <Listening hub={known} />
    </div>
  );
}

interface Shared {
  way: Way;
  hub: Hub;
  place: Place;
  token: string | null;
  /** The way for which a token was asked: its command is copied at once. */
  wanted: Way | null;
  copied: () => void;
  make: (way: Way) => void;
}

const LABELS: Record<Way, string> = {
  line: "install command",
  deb: "package command",
  card: "flash command",
  hand: "agent command",
};

/** What to type, for one way; it holds a token where one was made. */
function Instruction({ way, hub, place, token, wanted, copied, make }: Shared) {
  const [machine, setMachine] = useState(hub.agents[0] ?? "aarch64");
  const text = command(way, place, token, { machine, discovery: hub.discovery.enabled });
  if (way !== "hand" && !place.anywhere) return <OnlyHere hub={hub} />;
  if (way !== "hand" && way !== "card") {
    if (hub.agents.length === 0) {
      return (
        <p>
          This hub has no agent downloads. Build them with <code>make agent</code> and put them into the folder{" "}
          <code>agents</code> of its data directory.
        </p>
      );
    }
    if (place.origin === null) return <OnlyHere hub={hub} />;
  }
  return (
    <>
      <p>
        <Lead way={way} token={token} />
      </p>
      {way === "deb" && hub.agents.length > 1 ? (
        <label class="small row">
          Machine
          <select class="input short" value={machine} onChange={(event) => setMachine(event.currentTarget.value)}>
            {hub.agents.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      ) : null}
      {text === null ? (
        <div class="row">
          <button type="button" class="button primary" onClick={() => make(way)}>
            Create install command
          </button>
        </div>
      ) : (
        <Copyable text={text} label={LABELS[way]} atOnce={way === wanted} done={copied} />
      )}
      {way === "hand" && !token ? (
        <div class="row">
          <button type="button" class="button" onClick={() => make(way)}>
            Add a token to the command
          </button>
          <span class="small quiet">With a token the device is added without asking.</span>
        </div>
      ) : null}
      <After way={way} hub={hub} place={place} token={token} />
    </>
  );
}

function Lead({ way, token }: { way: Way; token: string | null }) {
  switch (way) {
    case "line":
    case "deb":
      return (
        <>
          {token ? "Run this as root on the device:" : "Create an install command, then run it as root on the device."}
        </>
      );
    case "card":
      return <>Put the card into the hub's computer, mount its root file system, and run there:</>;
    case "hand":
      return <>If the agent is already installed, run on the device:</>;
  }
}

/** What a person should know of the command above. */
function After({ way, hub, place, token }: Pick<Shared, "way" | "hub" | "place" | "token">) {
  return (
    <>
      {token ? (
        <p class="small quiet">
          This command contains a token: it adds one device, within 24 hours, without asking. Keep it private.
        </p>
      ) : null}
      {way === "line" ? (
        <p class="small quiet">
          For {hub.agents.join(", ")}, with systemd or OpenRC.
          {token ? (
            <>
              {" "}
              Without curl: <code>{withoutCurl(place, token)}</code>
            </>
          ) : null}
        </p>
      ) : null}
      {way === "card" ? (
        <p class="small quiet">
          The agent starts when the device does. For an image that is copied to many devices:{" "}
          <code>--join-token new --uses 50</code>.
        </p>
      ) : null}
      {way === "hand" && place.anywhere && hub.discovery.enabled ? (
        <p class="small quiet">
          If the hub is not found automatically, add <code>--hub {place.agents}</code>.
        </p>
      ) : null}
      {way === "hand" && !place.anywhere ? <OnlyHere hub={hub} /> : null}
    </>
  );
}

/** Why there is no command for others. */
function OnlyHere({ hub }: { hub: Hub }) {
  const port = location.port || "80";
  const [agents] = hub.addresses.agents;
  if (agents) {
    return (
      <p class="small">
        Other devices cannot open this page: the hub serves it on this computer only. Start the hub with{" "}
        <code>--http 0.0.0.0:{port}</code> to install from it; an agent that is installed already reaches it at {agents}
        .
      </p>
    );
  }
  return (
    <p class="small">
      This only works on this computer: the hub listens nowhere else. For other devices start it with{" "}
      <code>
        --http 0.0.0.0:{port} --udp 0.0.0.0:{hub.udp_port}
      </code>
      .
    </p>
  );
}

function Listening({ hub }: { hub: Hub }) {
  const { enabled, probes } = hub.discovery;
  const searches = `${count(probes)} ${probes === 1 ? "search" : "searches"}`;
  return (
    <p class="listening" role="status" aria-live="off">
      {!enabled
        ? "Automatic discovery is off on this hub: the agent needs --hub."
        : probes === 0
          ? "Waiting for devices… none heard so far."
          : `Waiting for devices… ${searches} for a hub heard since it started.`}
    </p>
  );
}
