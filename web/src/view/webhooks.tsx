// Where alerts are sent, and proof of what happened to each of them.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { reason, say, told } from "../actions/answer";
import { loadDeliveries, loadRules, loadWebhooks } from "../actions/loading";
import { testWebhook } from "../actions/webhooks";
import { go, part } from "../app";
import { clean, count, millis, when } from "../format";
import { hearsText, toTheMinute, waitText } from "../hears";
import { failedText, failsText, standingOf, usedBy } from "../hook";
import { kindOf } from "../hook_kind";
import { href, type Route } from "../route";
import type { Echo, Webhook } from "../types";
import { Confirmed, Copyable, Status } from "./controls";
import { Lack, may, Only } from "./may";
import { Log } from "./deliveries";
import { EchoCard } from "./echo";
import { HookOffer } from "./hook_offer";
import { WebhookForm, type Typed } from "./webhook_form";

type WebhooksRoute = Extract<Route, { view: "webhooks" }>;

/** After the last change of an alert. */
const SETTLES = 1_000;

const webhooks = part((s) => s.webhooks);
const alerts = part((s) => s.alerts);
const rules = part((s) => s.rules);
const deliveries = part((s) => s.deliveries);
const streams = part((s) => s.streams);
const now = part((s) => s.now);

export function Webhooks({ route }: { route: WebhooksRoute }) {
  /** The webhook in the form: its id, or an empty text for a new one. */
  const [edited, setEdited] = useState<string | null>(null);
  const [echo, setEcho] = useState<{ hook: Webhook; of: Echo } | null>(null);
  const [secret, setSecret] = useState<{ name: string; secret: string } | null>(null);
  useEffect(() => {
    void loadWebhooks();
    void loadRules();
  }, [streams.value]);
  // What a delivery came to may be what the webhook has to be mended for, or that it works again.
  const came = Object.values(deliveries.value)
    .map((all) => `${all[0]?.id} ${all.reduce((sum, one) => sum + one.attempt_count, 0)}`)
    .join();
  useEffect(() => void (came === "" ? null : loadWebhooks()), [came]);
  const list = webhooks.value;
  // Of one that fails the attempts say how.
  const unknown = (list ?? []).filter((hook) => hook.failing_since !== null && !deliveries.value[hook.id]);
  useEffect(() => unknown.forEach((hook) => void loadDeliveries(hook.id)), [unknown.map(({ id }) => id).join()]);
  const chosen = list?.find((hook) => hook.id === route.webhook) ?? list?.[0] ?? null;
  // What fires in quiet hours waits, and nothing is sent that the page would hear of.
  const isQuiet = list?.some((hook) => hook.quiet) ?? false;
  const changes = isQuiet ? alerts.value : null;
  useEffect(() => {
    if (changes === null) return;
    const timer = setTimeout(() => {
      void loadWebhooks();
      if (chosen) void loadDeliveries(chosen.id);
    }, SETTLES);
    return () => clearTimeout(timer);
  }, [changes]);
  const adding = edited === "";
  const inForm = list?.find((hook) => hook.id === edited) ?? null;
  const [offered, offer] = useState<Webhook | null>(null);
  const close = () => setEdited(null);
  const create = async ({ headers, fields, ...typed }: Typed) => {
    const given = (pairs: Record<string, string | null>) =>
      Object.fromEntries(Object.entries(pairs).map(([name, value]) => [name, value ?? ""]));
    const hook = await api.webhooks.create({ ...typed, headers: given(headers), fields: given(fields) });
    // Until then no rule could notify anybody.
    if (list?.length === 0) offer(hook);
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
      {offered ? <HookOffer hook={offered} close={() => offer(null)} /> : null}
      {echo ? <EchoCard key={echo.of.at} hook={echo.hook} first={echo.of} close={() => setEcho(null)} /> : null}
      {list === null ? (
        <p class="quiet" role="status">
          Loading…
        </p>
      ) : list.length === 0 && adding ? null : list.length === 0 ? (
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
                  echoed={(of) => setEcho({ hook, of })}
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

/** On a narrow page the deliveries stand below the list, out of sight. */
function showLog(): void {
  const log = document.querySelector<HTMLElement>("#log");
  if (log && log.getBoundingClientRect().top > innerHeight / 2) log.scrollIntoView();
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
  echoed,
}: {
  hook: Webhook;
  chosen: boolean;
  edit: () => void;
  rotated: (secret: string) => void;
  echoed: (echo: Echo) => void;
}) {
  const name = clean(hook.name);
  // The log is live, the list is not: what was sent since the list came counts.
  const sent = deliveries.value[hook.id];
  const stands = standingOf(hook, sent);
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
  const toEcho = async () => {
    const answer = await told(api.webhooks.echo(hook.id));
    if (!answer) return;
    echoed(answer);
    scrollTo({ top: 0 });
  };
  const headers = Object.keys(hook.headers);
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
            <a
              href={href({ view: "webhooks", webhook: hook.id })}
              aria-current={chosen ? "true" : undefined}
              onClick={() => requestAnimationFrame(showLog)}
            >
              {name}
            </a>
          </strong>
          {stands ? <Status of={stands} /> : null}
          {hook.kind === "generic" ? null : <span class="chip">{kindOf(hook.kind).label}</span>}
          {hook.enabled ? null : <span class="chip">off</span>}
        </div>
        <span class="small quiet mono">{clean(hook.url, 120)}</span>
        {headers.length > 0 ? (
          <span class="small quiet">with {headers.map((one) => clean(one, 64)).join(", ")}</span>
        ) : null}
        {hearsText(hook).length > 0 ? <span class="small quiet">{clean(hearsText(hook).join("; "), 400)}</span> : null}
        {hook.quiet ? (
          <span class="small" role="status">
            {waitText(hook.quiet.waiting, toTheMinute(when(millis(hook.quiet.until) ?? now.value, now.value)))}
          </span>
        ) : null}
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
        {hook.failing_since !== null && hook.problem === null && hook.enabled ? (
          <span class="small bad-text" role="status">
            Fails since {when(millis(hook.failing_since) ?? now.value, now.value)}
            {failsText(hook, sent)}. Messages are kept and tried again.
          </span>
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
            {hook.kind === "email" ? null : (
              <button
                type="button"
                class="button plain"
                aria-label={`Send to an echo first: ${name}`}
                onClick={() => void toEcho()}
              >
                Send to an echo first
              </button>
            )}
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
