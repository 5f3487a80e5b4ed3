// The keys of devices that join and of programs: made, shown once, revoked.

import { pathTo } from "../base";
import { useState } from "preact/hooks";
import * as api from "../api";
import { told } from "../actions/answer";
import { loadTokens } from "../actions/loading";
import { state } from "../app";
import { ago, clean, millis, when } from "../format";
import { readLabels } from "../labels";
import type { JoinToken, Token } from "../types";
import { Confirmed, Copyable, Field } from "./controls";
import { useForm } from "./form";

export function JoinTokens({ list }: { list: readonly JoinToken[] | null }) {
  const [uses, setUses] = useState("1");
  const [expires, setExpires] = useState("24h");
  const [made, setMade] = useState<string | null>(null);
  const { at, Rest, ...form } = useForm([uses, expires]);
  const create = (event: Event) =>
    form.send(event, async () => {
      const token = await api.tokens.createJoin({ uses: Number(uses), expires });
      setMade(token.token);
      await loadTokens();
    });
  return (
    <section class="card stack" aria-labelledby="join-tokens">
      <div>
        <h2 id="join-tokens">Join tokens</h2>
        <p class="small quiet">A device with a join token is added right away.</p>
      </div>
      <form class="form" onSubmit={create}>
        <div class="form-grid">
          <Field label="Devices" problem={at("uses")}>
            <input
              class="input"
              type="number"
              required
              min="1"
              max="1000000"
              value={uses}
              onInput={(event) => setUses(event.currentTarget.value)}
            />
          </Field>
          <Lifetime value={expires} set={setExpires} problem={at("expires")} />
        </div>
        {Rest()}
        <div class="row">
          <button type="submit" class="button" disabled={form.busy}>
            Create join token
          </button>
        </div>
      </form>
      <Tokens kind="join token" made={made} list={list} heads={["Id", "Uses left", "Expires"]}>
        {(token) => (
          <tr key={token.id}>
            <td class="mono">{clean(token.id, 16)}</td>
            <td>{token.uses_left}</td>
            <td>
              <Expiry at={token.expires_at} />
            </td>
            <td class="n">
              <Confirmed
                label="Revoke"
                sure="Really revoke"
                name={clean(token.id, 16)}
                onConfirm={() => void revoke(api.tokens.revokeJoin(token.id))}
              />
            </td>
          </tr>
        )}
      </Tokens>
    </section>
  );
}

/** What a token may, by its scope. */
const MAY: Record<Token["scope"], string> = {
  read: "read",
  ingest: "send readings only",
  write: "read, acknowledge and silence alerts, send readings",
  operate: "read, alerts, send readings, change rules and devices",
  admin: "full access",
};

/** Scopes whose tokens can be limited to devices with certain labels. */
const LIMITED: readonly Token["scope"][] = ["read", "ingest", "write"];

export function ApiTokens({ list }: { list: readonly Token[] | null }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Token["scope"]>("read");
  const [labels, setLabels] = useState("");
  const [expires, setExpires] = useState("30d");
  const [made, setMade] = useState<string | null>(null);
  const mayLimit = LIMITED.includes(scope);
  const { at, Rest, ...form } = useForm([name, scope, labels, expires]);
  const create = (event: Event) =>
    form.send(event, async () => {
      const token = await api.tokens.create({
        name: name.trim(),
        scope,
        labels: mayLimit ? readLabels(labels) : {},
        expires,
      });
      setMade(token.token);
      setName("");
      setLabels("");
      await loadTokens();
    });
  return (
    <section class="card stack" aria-labelledby="api-tokens">
      <div>
        <h2 id="api-tokens">API tokens</h2>
        <p class="small quiet">
          For programs and scripts: <code>Authorization: Bearer</code>.{" "}
          <a href={pathTo("/api/docs")} target="_blank" rel="noopener">
            API documentation
          </a>
        </p>
      </div>
      <form class="form" onSubmit={create}>
        <div class="form-grid">
          <Field label="Name" problem={at("name")}>
            <input
              class="input"
              required
              maxLength={64}
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </Field>
          <Field label="Permissions">
            <select
              class="input"
              value={scope}
              onChange={(event) => setScope(event.currentTarget.value as Token["scope"])}
            >
              {Object.entries(MAY).map(([scope, may]) => (
                <option key={scope} value={scope}>
                  {may}
                </option>
              ))}
            </select>
          </Field>
          {mayLimit ? (
            <Field
              label="Only devices with"
              problem={at("labels")}
              hint="labels, key=value, separated by commas; empty: all devices"
            >
              <input class="input" value={labels} onInput={(event) => setLabels(event.currentTarget.value)} />
            </Field>
          ) : null}
          <Lifetime value={expires} set={setExpires} problem={at("expires")} />
        </div>
        {Rest()}
        <div class="row">
          <button type="submit" class="button" disabled={form.busy}>
            Create API token
          </button>
        </div>
      </form>
      <Tokens kind="API token" made={made} list={list} heads={["Name", "Permissions", "Used", "Expires"]}>
        {(token) => (
          <tr key={token.id}>
            <td>{clean(token.name)}</td>
            <td title={token.scope}>
              {MAY[token.scope] ?? clean(token.scope)}
              <Limit labels={token.labels} />
            </td>
            <td>{ago(millis(token.last_used_at), state.value.now)}</td>
            <td>
              <Expiry at={token.expires_at} />
            </td>
            <td class="n">
              <Confirmed
                label="Revoke"
                sure="Really revoke"
                name={clean(token.name)}
                onConfirm={() => void revoke(api.tokens.revoke(token.id))}
              />
            </td>
          </tr>
        )}
      </Tokens>
    </section>
  );
}

/** The labels of the devices that a token is only for; nothing of one that is for all. */
function Limit({ labels }: { labels: Token["labels"] }) {
  const pairs = Object.entries(labels);
  if (pairs.length === 0) return null;
  return (
    <div class="row" title="Only devices with these labels">
      {pairs.map(([key, value]) => (
        <span class="chip" key={key}>
          {clean(key)}={clean(value)}
        </span>
      ))}
    </div>
  );
}

/** The token that was just made, shown only now, and the list of all tokens. */
function Tokens<T>({
  kind,
  made,
  list,
  heads,
  children,
}: {
  kind: string;
  made: string | null;
  list: readonly T[] | null;
  heads: readonly string[];
  children: (token: T) => preact.JSX.Element;
}) {
  return (
    <>
      {made ? (
        <div class="stack" role="status" style={{ gap: "6px" }}>
          <p class="small quiet">Shown once.</p>
          <Copyable text={made} label={kind} />
        </div>
      ) : null}
      {list && list.length > 0 ? (
        <div class="scroll-x" tabIndex={0} role="region" aria-label={`List of ${kind}s`}>
          <table>
            <thead>
              <tr>
                {heads.map((head) => (
                  <th scope="col" key={head}>
                    {head}
                  </th>
                ))}
                <th scope="col">
                  <span class="seen-by-readers">Action</span>
                </th>
              </tr>
            </thead>
            <tbody>{list.map(children)}</tbody>
          </table>
        </div>
      ) : null}
    </>
  );
}

function Lifetime({
  value,
  set,
  problem,
}: {
  value: string;
  set: (value: string) => void;
  problem: string | undefined;
}) {
  return (
    <Field label="Expires in" problem={problem}>
      <select class="input" value={value} onChange={(event) => set(event.currentTarget.value)}>
        <option value="1h">1 hour</option>
        <option value="24h">24 hours</option>
        <option value="30d">30 days</option>
        <option value="90d">90 days</option>
      </select>
    </Field>
  );
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
