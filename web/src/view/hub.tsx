// The hub itself: is it well, who may join, and the keys of programs.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { loadHub, loadTokens, openWindow, reason, setJoin, signOut, told } from "../actions";
import { part, state } from "../app";
import { ago, clean, count, digits, duration, measured, millis, when } from "../format";
import { commitSeconds, drops, parseMetrics, type Metrics } from "../metrics";
import type { Hub, JoinPolicy, JoinToken, Token } from "../types";
import { Confirmed, Copyable, Field, useEvery } from "./controls";

const hub = part((s) => s.hub);
const tokens = part((s) => s.tokens);
const joinTokens = part((s) => s.joinTokens);

const POLICIES: { policy: JoinPolicy; label: string; means: string }[] = [
  { policy: "closed", label: "Closed", means: "No device can join." },
  { policy: "token", label: "Token", means: "Only devices that bring a join token." },
  { policy: "click", label: "Click", means: "Devices ask, and somebody adopts them here. A join token saves the click." },
  { policy: "open", label: "Open", means: "Every device on the network joins unasked. For a test bench only." },
];

export function HubView() {
  useEvery(2_000, () => void loadHub());
  useEffect(() => void loadTokens(), []);
  const known = hub.value;
  return (
    <>
      <div class="head"><h1>Hub</h1><button type="button" class="button" onClick={() => void signOut()}>Sign out</button></div>
      {known === null ? <p class="quiet" role="status">Loading…</p> : (
        <>
          <Figures hub={known} />
          <Flow hub={known} />
          <div class="columns even">
            <Joining hub={known} />
            <Identity hub={known} />
          </div>
        </>
      )}
      <div class="columns even">
        <JoinTokens list={joinTokens.value} />
        <ApiTokens list={tokens.value} />
      </div>
    </>
  );
}

function Figures({ hub }: { hub: Hub }) {
  const figure = (name: string, value: string, unit = "") => (
    <div class="card figure" key={name}><dt>{name}</dt><dd>{value}{unit ? <i>{unit}</i> : null}</dd></div>
  );
  return (
    <dl class="figures">
      {figure("Ingest", digits(hub.readings_per_s), "readings/s")}
      {figure("Ack latency, p99", hub.ack_p99_ms === null ? "–" : digits(hub.ack_p99_ms), "ms")}
      {figure("Readings stored", count(hub.readings_total))}
      {figure("Series", count(hub.series), `of at most ${count(hub.series_max)}`)}
      {figure("Devices online", `${count(hub.devices.online)}`, `of ${count(hub.devices.online + hub.devices.offline)}`)}
      {figure("Pages connected", count(hub.ws_clients))}
    </dl>
  );
}

/** What lies between a datagram and the disk, and what did not get there. */
function Flow({ hub }: { hub: Hub }) {
  const [looks, setLooks] = useState<readonly Metrics[]>([]);
  useEvery(4_000, () => void api.hub.metrics().then((text) => text !== "" && setLooks((before) => [...before.slice(-1), parseMetrics(text)])));
  const now = looks.at(-1);
  if (!now) return null;
  // The first look alone tells the mean since the start.
  const commit = commitSeconds(looks.length > 1 ? looks[0]! : new Map(), now);
  const of = (name: string) => now.get(name) ?? 0;
  const lost = drops(now);
  const database = of("hub_database_bytes") + of("hub_wal_bytes");
  return (
    <div class="columns even">
      <section class="card stack" aria-labelledby="flow">
        <h2 id="flow">From datagram to disk</h2>
        <dl class="facts">
          <dt>Commit</dt><dd>{commit === null ? "none in the last seconds" : `${digits(commit * 1_000)} ms on average, written through to the disk`}</dd>
          <dt>Journal</dt><dd>{count(of("hub_journal_rows"))} batches not yet packed into blocks</dd>
          <dt>Database</dt><dd>{measured(database, "B")}, of it {measured(of("hub_wal_bytes"), "B")} log</dd>
          <dt>Room</dt><dd>{outlook(hub.storage, state.value.now)}</dd>
          {hub.storage.written_bytes_per_day === null ? null : <><dt>Written</dt><dd>{measured(hub.storage.written_bytes_per_day, "B")} a day, which is what wears flash</dd></>}
          <dt>Datagrams</dt><dd>{count(of("hub_udp_datagrams_received_total"))} received, {count(of("hub_udp_datagrams_sent_total"))} sent since the start</dd>
          <dt>Webhooks</dt><dd>{count(of("hub_webhook_attempts_total delivered"))} delivered, {count(of("hub_webhook_attempts_total retried"))} repeated, {count(of("hub_webhook_attempts_total gave_up"))} given up</dd>
        </dl>
      </section>
      <section class="card stack" aria-labelledby="drops">
        <div><h2 id="drops">Not taken</h2><p class="small quiet">Datagrams since the start. A reading is not lost with one: the device keeps it until it is acknowledged.</p></div>
        {lost.length === 0 ? <p class="quiet">None.</p> : (
          <table>
            <thead><tr><th scope="col">Reason</th><th scope="col" class="n">Datagrams</th><th scope="col">What it means</th></tr></thead>
            <tbody>{lost.map(({ reason, count: n, means }) => <tr key={reason}><td>{clean(reason)}</td><td class="n">{count(n)}</td><td class="quiet">{means}</td></tr>)}</tbody>
          </table>
        )}
      </section>
    </div>
  );
}

/** How long the room lasts. */
function outlook({ state: stands, recycled_to, growth_bytes_per_day: growth, full_in_days: days, disk_free_bytes: free }: Hub["storage"], now: number): string {
  if (stands === "recycling") return `all used: the oldest readings give way to new ones, so far up to ${when(millis(recycled_to) ?? now, now)}`;
  const left = free === null ? "" : `${measured(free, "B")} free on the disk, `;
  const little = stands === "nearly_full" ? "nearly full: " : "";
  if (growth === null) return `${little}${left}how long that lasts is known after an hour`;
  if (days === null) return `${little}${left}and it does not grow`;
  return `${little}${left}full in ${days >= 730 ? `${digits(Math.floor(days / 365))} years` : duration(days * 86_400_000)} at ${measured(growth, "B")} a day`;
}

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
          <button type="button" key={policy} aria-pressed={hub.join.policy === policy} onClick={() => void setJoin(policy)}>{label}</button>
        ))}
      </div>
      <p class="quiet">{means}</p>
      <div class="row">
        <button type="button" class="button" onClick={() => void openWindow("4m")}>{open ? "Open for 4 more minutes" : "Open for 4 minutes"}</button>
        <span class="small quiet">{open ? `Open for another ${duration(until - now)}.` : "While open, every device that asks is adopted."}</span>
      </div>
    </section>
  );
}

function Identity({ hub }: { hub: Hub }) {
  return (
    <section class="card stack" aria-labelledby="identity">
      <h2 id="identity">Identity</h2>
      <ol class="words" aria-label="Fingerprint words of the hub">{hub.words.map((word) => <li key={word}>{clean(word)}</li>)}</ol>
      <dl class="facts">
        <dt>Version</dt><dd>{clean(hub.version)}</dd>
        <dt>Up for</dt><dd>{duration(hub.uptime_s * 1000)}</dd>
        <dt>Devices at</dt><dd>UDP {hub.udp_port}</dd>
        <dt>Discovery</dt><dd>{hub.discovery.enabled ? `on, ${count(hub.discovery.probes)} probes seen` : "off"}</dd>
        {hub.plain_http ? <><dt>This page</dt><dd>plain HTTP: keep it on a network you trust</dd></> : null}
      </dl>
    </section>
  );
}

function JoinTokens({ list }: { list: readonly JoinToken[] | null }) {
  const [uses, setUses] = useState("1");
  const [expires, setExpires] = useState("24h");
  const [made, setMade] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const create = async (event: Event) => {
    event.preventDefault();
    setProblem("");
    try {
      const token = await api.tokens.createJoin({ uses: Number(uses), expires });
      setMade(token.token);
      await loadTokens();
    } catch (error) {
      setProblem(reason(error));
    }
  };
  return (
    <section class="card stack" aria-labelledby="join-tokens">
      <div><h2 id="join-tokens">Join tokens</h2><p class="small quiet">A device that brings one is adopted at once.</p></div>
      <form class="form" onSubmit={(event) => void create(event)}>
        <div class="form-grid">
          <Field label="Devices"><input class="input" type="number" required min="1" max="20000" value={uses} onInput={(event) => setUses(event.currentTarget.value)} /></Field>
          <Lifetime value={expires} set={setExpires} />
        </div>
        {problem ? <p class="problem" role="alert">{problem}</p> : null}
        <div class="row"><button class="button">Create join token</button></div>
      </form>
      {made ? <Once text={made} label="join token" /> : null}
      {list && list.length > 0 ? (
        <div class="scroll-x" tabIndex={0} role="region" aria-label="Join tokens list">
          <table>
            <thead><tr><th scope="col">Id</th><th scope="col">Uses left</th><th scope="col">Expires</th><th scope="col"><span class="seen-by-readers">Action</span></th></tr></thead>
            <tbody>
              {list.map((token) => (
                <tr key={token.id}>
                  <td class="mono">{clean(token.id, 16)}</td><td>{token.uses_left}</td><td><Expiry at={token.expires_at} /></td>
                  <td class="n"><Confirmed label="Revoke" sure="Really revoke" name={clean(token.id, 16)} onConfirm={() => void revoke(api.tokens.revokeJoin(token.id))} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

function ApiTokens({ list }: { list: readonly Token[] | null }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Token["scope"]>("read");
  const [expires, setExpires] = useState("30d");
  const [made, setMade] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const create = async (event: Event) => {
    event.preventDefault();
    setProblem("");
    try {
      const token = await api.tokens.create({ name: name.trim(), scope, expires });
      setMade(token.token);
      setName("");
      await loadTokens();
    } catch (error) {
      setProblem(reason(error));
    }
  };
  return (
    <section class="card stack" aria-labelledby="api-tokens">
      <div><h2 id="api-tokens">API tokens</h2><p class="small quiet">For programs: <code>Authorization: Bearer</code>.</p></div>
      <form class="form" onSubmit={(event) => void create(event)}>
        <div class="form-grid">
          <Field label="Name"><input class="input" required maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
          <Field label="Scope">
            <select class="input" value={scope} onChange={(event) => setScope(event.currentTarget.value as Token["scope"])}>
              <option value="read">read</option><option value="write">write</option><option value="admin">admin</option>
            </select>
          </Field>
          <Lifetime value={expires} set={setExpires} />
        </div>
        {problem ? <p class="problem" role="alert">{problem}</p> : null}
        <div class="row"><button class="button">Create API token</button></div>
      </form>
      {made ? <Once text={made} label="API token" /> : null}
      {list && list.length > 0 ? (
        <div class="scroll-x" tabIndex={0} role="region" aria-label="API tokens list">
          <table>
            <thead><tr><th scope="col">Name</th><th scope="col">Scope</th><th scope="col">Used</th><th scope="col">Expires</th><th scope="col"><span class="seen-by-readers">Action</span></th></tr></thead>
            <tbody>
              {list.map((token) => (
                <tr key={token.id}>
                  <td>{clean(token.name)}</td><td>{token.scope}</td><td>{ago(millis(token.last_used_at), state.value.now)}</td><td><Expiry at={token.expires_at} /></td>
                  <td class="n"><Confirmed label="Revoke" sure="Really revoke" name={clean(token.name)} onConfirm={() => void revoke(api.tokens.revoke(token.id))} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

function Lifetime({ value, set }: { value: string; set: (value: string) => void }) {
  return (
    <Field label="Expires in">
      <select class="input" value={value} onChange={(event) => set(event.currentTarget.value)}>
        <option value="1h">1 hour</option><option value="24h">24 hours</option><option value="30d">30 days</option><option value="90d">90 days</option>
      </select>
    </Field>
  );
}

function Once({ text, label }: { text: string; label: string }) {
  return <div class="stack" role="status" style={{ gap: "6px" }}><p class="small quiet">Shown once.</p><Copyable text={text} label={label} /></div>;
}

function Expiry({ at }: { at: string | null }) {
  const time = millis(at);
  const { now } = state.value;
  if (time === null) return <>never</>;
  return <>{time <= now ? "expired" : when(time, now)}</>;
}

async function revoke(request: Promise<null>): Promise<void> {
  await told(request);
  await loadTokens();
}

