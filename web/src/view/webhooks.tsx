// Where alerts are sent, and proof of what happened to each of them.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { reason, say, told } from "../actions/answer";
import { loadDeliveries, loadRules, loadWebhooks } from "../actions/loading";
import { replay, testWebhook } from "../actions/webhooks";
import { go, part, state } from "../app";
import { clean, count, digits, duration, millis, when } from "../format";
import { failedText, usedBy } from "../hook";
import { kindOf } from "../hook_kind";
import { title } from "../names";
import { href, type Route } from "../route";
import { ruleName } from "../alert";
import type { Delivery, Webhook } from "../types";
import { Confirmed, Copyable, Status } from "./controls";
import { Lack, may, Only } from "./may";
import { WebhookForm, type Typed } from "./webhook_form";

type WebhooksRoute = Extract<Route, { view: "webhooks" }>;

/** What is due for longer is kept by something. */
const SENDS_WITHIN = 30_000;

const webhooks = part((s) => s.webhooks);
const rules = part((s) => s.rules);
const deliveries = part((s) => s.deliveries);
const streams = part((s) => s.streams);
const now = part((s) => s.now);

export function Webhooks({ route }: { route: WebhooksRoute }) {
  /** The webhook in the form: its id, or an empty text for a new one. */
  const [edited, setEdited] = useState<string | null>(null);
  const [secret, setSecret] = useState<{ name: string; secret: string } | null>(null);
  useEffect(() => {
    void loadWebhooks();
    void loadRules();
  }, [streams.value]);
  // What a delivery came to may be what the webhook has to be mended for, or that it works again.
  const came = Object.values(deliveries.value)
    .map(([newest]) => `${newest?.id} ${newest?.attempt_count}`)
    .join();
  useEffect(() => void (came === "" ? null : loadWebhooks()), [came]);
  const list = webhooks.value;
  const chosen = list?.find((hook) => hook.id === route.webhook) ?? list?.[0] ?? null;
  const adding = edited === "";
  const inForm = list?.find((hook) => hook.id === edited) ?? null;
  const close = () => setEdited(null);
  const create = async ({ headers, fields, ...typed }: Typed) => {
    const given = (pairs: Record<string, string | null>) =>
      Object.fromEntries(Object.entries(pairs).map(([name, value]) => [name, value ?? ""]));
    const hook = await api.webhooks.create({ ...typed, headers: given(headers), fields: given(fields) });
    await loadWebhooks();
    go({ view: "webhooks", webhook: hook.id }, "replace");
    close();
    // Only the hub's own form is signed.
    if (hook.kind === "generic") setSecret({ name: hook.name, secret: hook.secret });
    else say(`${clean(hook.name)} is made. Send a test to see it arrive.`);
  };
  const change = async (hook: Webhook, typed: Typed) => {
    await api.webhooks.change(hook.id, typed);
    await Promise.all([loadWebhooks(), loadDeliveries(hook.id)]);
    close();
    say(`${clean(typed.name)} saved.`);
  };
  return (
    <>
      <div class="head">
        <h1>Webhooks</h1>
        <Only may="admin">
          <button
            type="button"
            class="button primary"
            aria-expanded={adding}
            onClick={() => setEdited(adding ? null : "")}
          >
            New webhook
          </button>
        </Only>
      </div>
      <Lack of="admin" />
      {adding ? <WebhookForm key="new" hook={null} save={create} close={close} /> : null}
      {inForm ? (
        <WebhookForm key={inForm.id} hook={inForm} save={(typed) => change(inForm, typed)} close={close} />
      ) : null}
      {secret ? (
        <section class="card stack" role="status" aria-label="New secret">
          <div>
            <h2>Secret of {clean(secret.name)}</h2>
            <p class="small quiet">
              Shown once. The receiver checks the signature of each message with it (Standard Webhooks).
            </p>
          </div>
          <Copyable text={secret.secret} label="webhook secret" />
          <div class="row">
            <button type="button" class="button" onClick={() => setSecret(null)}>
              I have saved it
            </button>
          </div>
        </section>
      ) : null}
      {list === null ? (
        <p class="quiet" role="status">
          Loading…
        </p>
      ) : list.length === 0 && !adding ? (
        <section class="card empty">
          <h2>No webhooks yet</h2>
          <p>
            A webhook is an address we notify when an alert fires or resolves: a chat, a phone, a pager, a script.
            Slack, Teams, Telegram, ntfy and others get messages they show, a program gets signed JSON. Each is tried
            again until it is accepted, and logged here.
          </p>
          <Only may="admin">
            <button type="button" class="button" onClick={() => setEdited("")}>
              Create the first webhook
            </button>
          </Only>
        </section>
      ) : (
        <div class="columns listed">
          {chosen ? <Log hook={chosen} /> : null}
          <section class="card entries" aria-label="Webhooks">
            <ul class="entries">
              {list.map((hook) => (
                <HookEntry
                  key={hook.id}
                  hook={hook}
                  chosen={hook === chosen}
                  edit={() => {
                    setEdited(hook.id);
                    scrollTo({ top: 0 });
                  }}
                  rotated={(made) => setSecret({ name: hook.name, secret: made })}
                />
              ))}
            </ul>
          </section>
        </div>
      )}
    </>
  );
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** What a person has to look at. */
const MEND: Readonly<Record<NonNullable<Webhook["problem"]>["kind"], string>> = {
  token: "Token refused",
  address: "Wrong address",
  message: "Message refused",
  policy: "Address blocked by this hub",
};

function HookEntry({
  hook,
  chosen,
  edit,
  rotated,
}: {
  hook: Webhook;
  chosen: boolean;
  edit: () => void;
  rotated: (secret: string) => void;
}) {
  const name = clean(hook.name);
  // The log is live, the list is not: what was sent since the list came counts.
  const latest = deliveries.value[hook.id]?.[0]?.state ?? hook.last_delivery?.state;
  const rotate = async () => {
    const answer = await told(api.webhooks.rotate(hook.id));
    if (answer) rotated(answer.secret);
  };
  const flip = async () => {
    if (await told(api.webhooks.change(hook.id, { enabled: !hook.enabled }))) await loadWebhooks();
  };
  const all = rules.value?.length ?? null;
  const addToAll = async () => {
    if (await told(api.webhooks.addToRules(hook.id))) await Promise.all([loadWebhooks(), loadRules()]);
  };
  const resend = async () => {
    const answer = await told(api.webhooks.replayFailed(hook.id));
    if (!answer) return;
    say(`${count(answer.replayed)} ${answer.replayed === 1 ? "message is" : "messages are"} sent again.`);
    await Promise.all([loadWebhooks(), loadDeliveries(hook.id)]);
  };
  const sent = Object.keys(hook.headers);
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
          <strong>
            <a href={href({ view: "webhooks", webhook: hook.id })} aria-current={chosen ? "true" : undefined}>
              {name}
            </a>
          </strong>
          {latest ? <Status of={latest} /> : null}
          {hook.kind === "generic" ? null : <span class="chip">{kindOf(hook.kind).label}</span>}
          {hook.enabled ? null : <span class="chip">off</span>}
        </div>
        <span class="small quiet mono">{clean(hook.url, 120)}</span>
        {sent.length > 0 ? <span class="small quiet">with {sent.map((one) => clean(one, 64)).join(", ")}</span> : null}
        {all !== null ? (
          <div class="entry-line small">
            <span class={hook.rules === 0 && all > 0 ? "" : "quiet"}>
              {usedBy(hook.rules, all)}
              {hook.for_new_rules ? " New rules notify it." : ""}
            </span>
            {hook.rules < all && may("admin") ? (
              <button
                type="button"
                class="button plain"
                aria-label={`Add ${name} to all rules`}
                onClick={() => void addToAll()}
              >
                Add to all
              </button>
            ) : null}
          </div>
        ) : null}
        {hook.problem && hook.enabled ? (
          <div class="note bad small" role="status">
            <strong>{hook.failing_since === null ? "Look at this" : MEND[hook.problem.kind]}.</strong>{" "}
            {sentence(clean(hook.problem.text, 400))}. Since {when(millis(hook.problem.since) ?? now.value, now.value)}
            {hook.failing_since === null ? "." : " nothing arrives; messages are kept and tried again."}
          </div>
        ) : null}
        {hook.disabled_reason ? (
          <div class="note bad small" role="status">
            <strong>Turned off by the hub.</strong> {sentence(clean(hook.disabled_reason, 200))}. Mend it and turn it
            on: what waits is sent then.
          </div>
        ) : null}
        {hook.failed > 0 ? (
          <div class="entry-line small">
            <span>{failedText(hook.failed)}</span>
            {hook.enabled && may("admin") ? (
              <button
                type="button"
                class="button plain"
                aria-label={`Send the failed messages to ${name} again`}
                onClick={() => void resend()}
              >
                Send {hook.failed === 1 ? "it" : "them"} again
              </button>
            ) : null}
          </div>
        ) : null}
        <Only may="admin">
          <div class="row">
            <button
              type="button"
              class="button"
              aria-label={`Send test to ${name}`}
              onClick={() => void testWebhook(hook)}
            >
              Send test
            </button>
            <button type="button" class="button plain" aria-label={`Edit ${name}`} onClick={edit}>
              Edit
            </button>
            <button
              type="button"
              class="button plain"
              aria-label={`Turn ${hook.enabled ? "off" : "on"} ${name}`}
              onClick={() => void flip()}
            >
              {hook.enabled ? "Turn off" : "Turn on"}
            </button>
            {hook.kind === "generic" ? (
              <Confirmed label="New secret" sure="Replace the secret" name={name} onConfirm={() => void rotate()} />
            ) : null}
            <Confirmed label="Delete" sure="Really delete" name={name} onConfirm={() => void remove()} />
          </div>
        </Only>
      </div>
    </li>
  );
}

function Log({ hook }: { hook: Webhook }) {
  useEffect(() => void loadDeliveries(hook.id), [hook.id, streams.value]);
  const list = deliveries.value[hook.id];
  return (
    <section class="card entries" aria-labelledby="log">
      <div class="card-head">
        <h2 id="log">Deliveries to {clean(hook.name)}</h2>
      </div>
      {!list ? (
        <p class="empty quiet">Loading…</p>
      ) : list.length === 0 ? (
        <p class="empty quiet">Nothing has been sent yet. Send a test to see whether the receiver answers.</p>
      ) : (
        <ul class="entries">
          {list.map((delivery) => (
            <DeliveryEntry key={delivery.id} delivery={delivery} off={!hook.enabled} />
          ))}
        </ul>
      )}
    </section>
  );
}

/** What a message is about; its `type`, which receivers see, is the hint. */
const EVENTS: Readonly<Record<string, string>> = {
  "alert.firing": "Alert fires",
  "alert.resolved": "Alert resolved",
  "alert.past": "Past alert",
  "alert.flapping": "Alert flaps",
  "alert.acknowledged": "Alert acknowledged",
  "alerts.summary": "Summary of what waited",
  "webhook.disabled": "Another webhook is off",
  "webhook.test": "Test",
};

/** A status of 2xx may be no delivery: then the error says why. */
function answered({ status, error }: Delivery["attempts"][number]): string {
  const problem = clean(error ?? "no answer", 200);
  if (status === null || status === undefined) return problem;
  return error ? `answered ${status}, but ${problem}` : `answered ${status}`;
}

function DeliveryEntry({ delivery, off }: { delivery: Delivery; off: boolean }) {
  const { now, alerts } = state.value;
  const next = millis(delivery.next_attempt_at);
  const waits = delivery.state === "pending" && next !== null;
  const latest = delivery.attempts.at(-1);
  const alert = delivery.alert === null ? null : alerts?.[delivery.alert];
  const offline = delivery.event === "alert.resolved" ? "are no longer offline" : "went offline";
  const about = delivery.devices
    ? `${count(delivery.devices)} devices ${offline}`
    : alert
      ? `${clean(ruleName(alert))}, ${clean(alert.device_name)}${alert.sensor === "" ? "" : ` ${title(alert.sensor)}`}`
      : "";
  const event = EVENTS[delivery.event] ?? clean(delivery.event);
  const at = when(millis(delivery.created_at) ?? now, now);
  return (
    <li class="delivery" data-delivery={delivery.id}>
      <div class="what">
        <div class="entry-line">
          <Status of={delivery.state} />
          <strong title={clean(delivery.event)}>{event}</strong>
          {about ? <span class="small">{about}</span> : null}
        </div>
        <div class="entry-line small quiet">
          <span>{at}</span>
          {delivery.delayed_by ? <span>{duration(delivery.delayed_by * 1_000)} late</span> : null}
          {delivery.attempt_count > 1 ? <span>{delivery.attempt_count} attempts</span> : null}
          {latest ? (
            <span>
              {answered(latest)} in {digits(latest.duration_ms)} ms
            </span>
          ) : null}
          {delivery.summary ? <span>told in a summary</span> : null}
          {waits && !delivery.summary ? (
            <span>
              {off
                ? "waits until the webhook is turned on"
                : next > now && delivery.held_until && delivery.attempt_count === 0
                  ? `waits ${duration(next - now)} for more of its rule`
                  : next > now
                    ? `next in ${duration(next - now)}`
                    : now - next < SENDS_WITHIN
                      ? "sending"
                      : "waits behind an earlier message"}
            </span>
          ) : null}
        </div>
      </div>
      {off || (waits && (next <= now || delivery.summary)) || !may("admin") ? null : (
        <button
          type="button"
          class="button plain"
          aria-label={`${waits ? "Try" : "Send"} ${event} of ${at} ${waits ? "now" : "again"}`}
          onClick={() => void replay(delivery)}
        >
          {waits ? "Try now" : "Send again"}
        </button>
      )}
      {delivery.attempts.length > 1 || latest?.response ? (
        <details>
          <summary>{delivery.attempts.length === 1 ? "Show the answer" : "Every attempt"}</summary>
          <ol class="attempts">
            {delivery.attempts.map((attempt, i) => (
              <li key={i}>
                {when(millis(attempt.at) ?? now, now)}: {answered(attempt)}, {digits(attempt.duration_ms)} ms
                {attempt.response ? <pre tabIndex={0}>{clean(attempt.response, 1_024)}</pre> : null}
              </li>
            ))}
          </ol>
        </details>
      ) : null}
    </li>
  );
}
