// Where alerts are sent, and proof of what happened to each of them.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { loadDeliveries, loadWebhooks, reason, replay, say, testWebhook, told } from "../actions";
import { go, part, state } from "../app";
import { clean, digits, duration, millis, when } from "../format";
import { href, type Route } from "../route";
import type { Delivery, Webhook } from "../types";
import { Confirmed, Copyable, Field, Status } from "./controls";

type WebhooksRoute = Extract<Route, { view: "webhooks" }>;

const webhooks = part((s) => s.webhooks);
const deliveries = part((s) => s.deliveries);
const streams = part((s) => s.streams);

export function Webhooks({ route }: { route: WebhooksRoute }) {
  const [adding, setAdding] = useState(false);
  const [secret, setSecret] = useState<{ name: string; secret: string } | null>(null);
  useEffect(() => void loadWebhooks(), [streams.value]);
  const list = webhooks.value;
  const chosen = list?.find((hook) => hook.id === route.webhook) ?? list?.[0] ?? null;
  return (
    <>
      <div class="head"><h1>Webhooks</h1><button type="button" class="button primary" aria-expanded={adding} onClick={() => setAdding(!adding)}>New webhook</button></div>
      {adding ? <Create close={() => setAdding(false)} made={(name, made) => { setAdding(false); setSecret({ name, secret: made }); }} /> : null}
      {secret ? (
        <section class="card stack" role="status" aria-label="New secret">
          <div><h2>Secret of {clean(secret.name)}</h2><p class="small quiet">Shown once. The receiver checks the signature of each message with it (Standard Webhooks).</p></div>
          <Copyable text={secret.secret} label="webhook secret" />
          <div class="row"><button type="button" class="button" onClick={() => setSecret(null)}>I have saved it</button></div>
        </section>
      ) : null}
      {list === null ? <p class="quiet" role="status">Loading…</p> : list.length === 0 && !adding ? (
        <section class="card empty"><h2>No webhooks yet</h2><p>A webhook is an address we notify when an alert fires or resolves: a chat, a pager, a script. Every message is signed, retried until it is accepted, and logged here.</p><button type="button" class="button" onClick={() => setAdding(true)}>Create the first webhook</button></section>
      ) : (
        <div class="columns">
          {chosen ? <Log hook={chosen} /> : null}
          <section class="card entries" aria-label="Webhooks">
            <ul class="entries">{list.map((hook) => <HookEntry key={hook.id} hook={hook} chosen={hook === chosen} rotated={(made) => setSecret({ name: hook.name, secret: made })} />)}</ul>
          </section>
        </div>
      )}
    </>
  );
}

function Create({ close, made }: { close: () => void; made: (name: string, secret: string) => void }) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const hook = await api.webhooks.create({ name: name.trim(), url: url.trim() });
      await loadWebhooks();
      go({ view: "webhooks", webhook: hook.id }, "replace");
      made(hook.name, hook.secret);
    } catch (error) {
      setProblem(reason(error));
    }
  };
  return (
    <form class="card form" onSubmit={(event) => void submit(event)} aria-label="New webhook">
      <div class="form-grid">
        <Field label="Name"><input class="input" required maxLength={64} autofocus value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
        <Field label="Address"><input class="input" required type="url" placeholder="https://example.org/alerts" value={url} onInput={(event) => setUrl(event.currentTarget.value)} /></Field>
      </div>
      {problem ? <p class="problem" role="alert">{problem}</p> : null}
      <div class="row"><button class="button primary">Create webhook</button><button type="button" class="button" onClick={close}>Cancel</button></div>
    </form>
  );
}

function HookEntry({ hook, chosen, rotated }: { hook: Webhook; chosen: boolean; rotated: (secret: string) => void }) {
  const name = clean(hook.name);
  // The log is live, the list is not: what was sent since the list came counts.
  const latest = deliveries.value[hook.id]?.[0]?.state ?? hook.last_delivery?.state;
  const rotate = async () => {
    const answer = await told(api.webhooks.rotate(hook.id));
    if (answer) rotated(answer.secret);
  };
  const flip = async () => {
    if (await told(api.webhooks.change(hook, { enabled: !hook.enabled }))) await loadWebhooks();
  };
  const flipPast = async () => {
    if (await told(api.webhooks.change(hook, { past: !hook.past }))) await loadWebhooks();
  };
  const remove = async () => {
    try {
      await api.webhooks.remove(hook.id);
    } catch (error) {
      return say(reason(error), "error");
    }
    await loadWebhooks();
  };
  return (
    <li class={chosen ? "chosen" : ""}>
      <div class="what">
        <div class="entry-line">
          <strong><a href={href({ view: "webhooks", webhook: hook.id })} aria-current={chosen ? "true" : undefined}>{name}</a></strong>
          {latest ? <Status of={latest} /> : null}
          {hook.enabled ? null : <span class="chip">off</span>}
        </div>
        <span class="small quiet mono">{clean(hook.url, 120)}</span>
        {hook.disabled_reason ? <span class="problem">{clean(hook.disabled_reason, 200)}</span> : null}
        <div class="row">
          <button type="button" class="button" aria-label={`Send test to ${name}`} onClick={() => void testWebhook(hook)}>Send test</button>
          <button type="button" class="button plain" aria-label={`Turn ${hook.enabled ? "off" : "on"} ${name}`} onClick={() => void flip()}>{hook.enabled ? "Turn off" : "Turn on"}</button>
          <button type="button" class="button plain" aria-label={`${hook.past ? "Do not tell" : "Tell"} ${name} of alerts that were already over`} title="Alerts that were over when their readings came: after an outage, or in an upload" onClick={() => void flipPast()}>{hook.past ? "Past alerts: on" : "Past alerts: off"}</button>
          <Confirmed label="New secret" sure="Replace the secret" name={name} onConfirm={() => void rotate()} />
          <Confirmed label="Delete" sure="Really delete" name={name} onConfirm={() => void remove()} />
        </div>
      </div>
    </li>
  );
}

function Log({ hook }: { hook: Webhook }) {
  useEffect(() => void loadDeliveries(hook.id), [hook.id, streams.value]);
  const list = deliveries.value[hook.id];
  return (
    <section class="card entries" aria-labelledby="log">
      <div class="card-head"><h2 id="log">Deliveries to {clean(hook.name)}</h2></div>
      {!list ? <p class="empty quiet">Loading…</p> : list.length === 0 ? <p class="empty quiet">Nothing has been sent yet. Send a test to see whether the receiver answers.</p> : (
        <ul class="entries">{list.map((delivery) => <DeliveryEntry key={delivery.id} delivery={delivery} />)}</ul>
      )}
    </section>
  );
}

function DeliveryEntry({ delivery }: { delivery: Delivery }) {
  const { now, alerts } = state.value;
  const next = millis(delivery.next_attempt_at);
  const latest = delivery.attempts.at(-1);
  const alert = delivery.alert === null ? null : alerts?.[delivery.alert];
  const about = alert ? `${clean(alert.rule.name)}, ${clean(alert.device_name)} ${clean(alert.sensor)}` : "";
  return (
    <li class="delivery" data-delivery={delivery.id}>
      <div class="what">
        <div class="entry-line">
          <Status of={delivery.state} />
          <strong>{clean(delivery.event)}</strong>
          {about ? <span class="small">{about}</span> : null}
        </div>
        <div class="entry-line small quiet">
          <span>{when(millis(delivery.created_at) ?? now, now)}</span>
          {delivery.attempt_count > 1 ? <span>{delivery.attempt_count} attempts</span> : null}
          {latest ? <span>{latest.status !== null ? `answered ${latest.status}` : clean(latest.error ?? "no answer", 120)} in {digits(latest.duration_ms)} ms</span> : null}
          {delivery.state === "pending" && next !== null ? <span>{next > now ? `next in ${duration(next - now)}` : "sending"}</span> : null}
        </div>
      </div>
      {delivery.state === "pending" ? null : (
        <button type="button" class="button plain" aria-label={`Send ${clean(delivery.event)} of ${when(millis(delivery.created_at) ?? now, now)} again`} onClick={() => void replay(delivery)}>Send again</button>
      )}
      {delivery.attempts.length > 1 || latest?.response ? (
        <details>
          <summary>{delivery.attempts.length === 1 ? "Show the answer" : "Every attempt"}</summary>
          <ol class="attempts">
            {delivery.attempts.map((attempt, i) => (
              <li key={i}>
                {when(millis(attempt.at) ?? now, now)}: {attempt.status !== null ? `status ${attempt.status}` : clean(attempt.error ?? "no answer", 200)}, {digits(attempt.duration_ms)} ms
                {attempt.response ? <pre tabIndex={0}>{clean(attempt.response, 1_024)}</pre> : null}
              </li>
            ))}
          </ol>
        </details>
      ) : null}
    </li>
  );
}
