// The hub itself: is it well, who may join, and the keys of programs.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { openWindow, setJoin } from "../actions/hub";
import { loadHub, loadTokens } from "../actions/loading";
import { signOut } from "../actions/session";
import { part, state } from "../app";
import { pathTo } from "../base";
import { clean, count, digits, duration, many, millis, when } from "../format";
import { commitSeconds, drops, parseMetrics, type Metrics } from "../metrics";
import type { Hub, JoinPolicy } from "../types";
import { Account } from "./account";
import { Audit } from "./audit";
import { useEvery } from "./controls";
import { Doors } from "./doors";
import { Heartbeat } from "./heartbeat";
import { Lack, may, Only } from "./may";
import { Sessions } from "./sessions";
import { Retention, Storage } from "./storage";
import { ApiTokens, JoinTokens } from "./tokens";
import { Users } from "./users";

const hub = part((s) => s.hub);
const tokens = part((s) => s.tokens);
const joinTokens = part((s) => s.joinTokens);

const POLICIES: { policy: JoinPolicy; label: string; means: string }[] = [
  { policy: "closed", label: "Closed", means: "No new devices." },
  { policy: "token", label: "Token", means: "Only devices with a join token." },
  {
    policy: "click",
    label: "Click",
    means: "New devices wait for your approval here; with a join token they are added right away.",
  },
  { policy: "open", label: "Open", means: "Every device on the network is added without asking. For testing only." },
];

export function HubView() {
  useEvery(2_000, () => void loadHub());
  useEffect(() => void (may("admin") && loadTokens()), []);
  const known = hub.value;
  return (
    <>
      <div class="head">
        <h1>Hub</h1>
        <button type="button" class="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
      {known === null ? (
        <p class="quiet" role="status">
          Loading…
        </p>
      ) : (
        <>
          <Figures hub={known} />
          <div class="columns even">
            <Storage hub={known} />
            <Retention />
          </div>
          <Doors />
          <Flow />
          <div class="columns even">
            <Joining hub={known} />
            <Identity hub={known} />
          </div>
          <div class="columns even">
            <Heartbeat />
            {known.tls === null ? null : <Certificate tls={known.tls} />}
          </div>
        </>
      )}
      <Only may="admin">
        <div class="columns even">
          <JoinTokens list={joinTokens.value} />
          <ApiTokens list={tokens.value} />
        </div>
        <Users />
      </Only>
      <div class="columns even">
        <Sessions />
        <Account />
      </div>
      <Only may="admin">
        <Audit />
      </Only>
    </>
  );
}

function Figures({ hub }: { hub: Hub }) {
  const figure = (name: string, value: string, means: string) => (
    <div class="card figure" key={name}>
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{means}</small>
      </dd>
    </div>
  );
  return (
    <dl class="figures">
      {figure("Incoming", digits(hub.readings_per_s), "readings a second")}
      {figure("Stored within", hub.ack_p99_ms === null ? "–" : `${digits(hub.ack_p99_ms)}\u202fms`, "99 % of batches")}
      {figure("Readings stored", count(hub.readings_total), "since the start")}
      {figure("Sensors", count(hub.series), `at most ${count(hub.series_max)}`)}
      {figure("Online", count(hub.devices.online), `of ${many(hub.devices.online + hub.devices.offline, "device")}`)}
      {figure("Live", count(hub.ws_clients), hub.ws_clients === 1 ? "page or program" : "pages and programs")}
    </dl>
  );
}

/** What lies between a datagram and the disk, and what did not get there. */
function Flow() {
  const [looks, setLooks] = useState<readonly Metrics[]>([]);
  useEvery(
    4_000,
    () =>
      void api.hub
        .metrics()
        .then((text) => text !== "" && setLooks((before) => [...before.slice(-1), parseMetrics(text)])),
  );
  const now = looks.at(-1);
  if (!now) return null;
  // The first look alone tells the mean since the start.
  const commit = commitSeconds(looks.length > 1 ? looks[0]! : new Map(), now);
  const of = (name: string) => now.get(name) ?? 0;
  const attempts = (outcome: string) => count(of(`hub_webhook_attempts_total ${outcome}`));
  const lost = drops(now);
  return (
    <div class="columns even">
      <section class="card stack" aria-labelledby="flow">
        <h2 id="flow">Receiving and storing</h2>
        <dl class="facts">
          <dt>Writing</dt>
          <dd>
            {commit === null
              ? "nothing in the last seconds"
              : `${digits(commit * 1_000)} ms on average until it is safely on disk`}
          </dd>
          <dt>Compression</dt>
          <dd>{many(of("hub_journal_rows"), "batch", "batches")} not yet compressed</dd>
          <dt>Packets</dt>
          <dd>
            {count(of("hub_udp_datagrams_received_total"))} received, {count(of("hub_udp_datagrams_sent_total"))} sent
            since the start
          </dd>
          <dt>Webhooks</dt>
          <dd>
            {attempts("delivered")} delivered, {attempts("retried")} retried, {attempts("gave_up")} given up
          </dd>
        </dl>
      </section>
      <section class="card stack" aria-labelledby="drops">
        <div>
          <h2 id="drops">Rejected packets</h2>
          <p class="small quiet">Since the start. No readings are lost: the device sends them again.</p>
        </div>
        {lost.length === 0 ? (
          <p class="quiet">None.</p>
        ) : (
          <table>
            <thead>
              <tr>
                <th scope="col">Reason</th>
                <th scope="col" class="n">
                  Packets
                </th>
                <th scope="col">What it means</th>
              </tr>
            </thead>
            <tbody>
              {lost.map(({ reason, count: n, means }) => (
                <tr key={reason}>
                  <td>{clean(reason)}</td>
                  <td class="n">{count(n)}</td>
                  <td class="quiet">{means}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </div>
  );
}

/** The hub keeps no more devices that wait. */
const WAITING_MOST = 256;

function Joining({ hub }: { hub: Hub }) {
  const until = millis(hub.join.window_until);
  const { now } = state.value;
  const open = until !== null && until > now;
  const means = POLICIES.find((one) => one.policy === hub.join.policy)?.means ?? "";
  return (
    <section class="card stack" aria-labelledby="joining">
      <h2 id="joining">Joining</h2>
      <div class="segments" role="group" aria-label="Who may join">
        {POLICIES.map(({ policy, label }) => (
          <button
            type="button"
            key={policy}
            disabled={!may("admin")}
            aria-pressed={hub.join.policy === policy}
            onClick={() => void setJoin(policy)}
          >
            {label}
          </button>
        ))}
      </div>
      <p class="quiet">{means}</p>
      {hub.devices.pending === 0 ? null : (
        <p class={`small ${hub.devices.pending < WAITING_MOST ? "quiet" : "warn-text"}`}>
          <a href={pathTo("/?status=pending")}>
            {many(hub.devices.pending, "device")} {hub.devices.pending === 1 ? "waits" : "wait"} for approval
          </a>
          {hub.devices.pending < WAITING_MOST
            ? "."
            : ", the most there may be: a new one displaces the one heard longest ago. Adopt or block some."}
        </p>
      )}
      <Lack of="admin" />
      <div class="row">
        <Only may="admin">
          <button type="button" class="button" onClick={() => void openWindow("4m")}>
            {open ? "Open for 4 more minutes" : "Open for 4 minutes"}
          </button>
        </Only>
        <span class="small quiet">
          {open ? `Open for another ${duration(until - now)}.` : "While open, every new device is added automatically."}
        </span>
      </div>
    </section>
  );
}

/** What browsers are shown, and for a hub that is its own authority how they come to trust it. */
function Certificate({ tls }: { tls: NonNullable<Hub["tls"]> }) {
  const { now } = state.value;
  const ends = millis(tls.expires_at);
  return (
    <section class="card stack" aria-labelledby="certificate">
      <h2 id="certificate">Certificate</h2>
      {tls.problem === null ? null : (
        <p class="problem" role="alert">
          {clean(tls.problem, 500)}
        </p>
      )}
      {tls.fingerprint === null ? null : (
        <>
          <p>
            This hub is its own certificate authority. Install its certificate on every computer and phone that opens
            this page, and browsers stop warning.
          </p>
          <div class="row">
            <a class="button" href={pathTo("/ca.crt")} download="telemetry-hub-ca.crt">
              Download certificate
            </a>
          </div>
          <p class="small quiet">
            Phone: open the file, then install it as a CA certificate (Android: Settings, Security, Install a
            certificate; iPhone: install the profile, then turn it on under General, About, Certificate Trust Settings).
            Computer: import it under “Authorities” in the browser's certificate settings, or into the system's trusted
            root certificates.
          </p>
        </>
      )}
      <dl class="facts">
        {tls.fingerprint === null ? null : (
          <>
            <dt>SHA-256</dt>
            <dd class="mono fingerprint">{clean(tls.fingerprint, 128)}</dd>
          </>
        )}
        <dt>{tls.fingerprint === null ? "From files" : "This page"}</dt>
        <dd>
          {ends === null ? "–" : `valid until ${when(ends, now)}`}
          {tls.fingerprint === null ? "; read again when they change" : "; renewed by the hub before that"}
        </dd>
      </dl>
    </section>
  );
}

function Identity({ hub }: { hub: Hub }) {
  return (
    <section class="card stack" aria-labelledby="identity">
      <h2 id="identity">Identity</h2>
      <ol class="words" aria-label="Six words of the hub">
        {hub.words.map((word) => (
          <li key={word}>{clean(word)}</li>
        ))}
      </ol>
      <dl class="facts">
        <dt>Version</dt>
        <dd>{clean(hub.version)}</dd>
        <dt>Up for</dt>
        <dd>{duration(hub.uptime_s * 1000)}</dd>
        <dt>Devices at</dt>
        <dd>UDP {hub.udp_port}</dd>
        <dt>Discovery</dt>
        <dd>{hub.discovery.enabled ? `on, ${count(hub.discovery.probes)} searches heard` : "off"}</dd>
        {hub.plain_http && location.protocol !== "https:" ? (
          <>
            <dt>This page</dt>
            <dd>plain HTTP: keep it on a network you trust</dd>
          </>
        ) : null}
      </dl>
    </section>
  );
}
