// What was sent to a webhook: each message, each attempt, and what is sent once more.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { say, told } from "../actions/answer";
import { loadDeliveries, loadWebhooks } from "../actions/loading";
import { replay } from "../actions/webhooks";
import { part, state } from "../app";
import { isOfDevice, ruleName } from "../alert";
import { clean, cleanLines, count, digits, duration, millis, when } from "../format";
import { toTheMinute } from "../hears";
import { causeOf, EVENTS } from "../hook";
import { title } from "../names";
import type { Delivery, DeliveryWithBody, Webhook } from "../types";
import { Field, Status } from "./controls";
import { useForm } from "./form";
import { may } from "./may";

/** What is due for longer is kept by something. */
const SENDS_WITHIN = 30_000;

const deliveries = part((s) => s.deliveries);
const streams = part((s) => s.streams);

export function Log({ hook }: { hook: Webhook }) {
  useEffect(() => void loadDeliveries(hook.id), [hook.id, streams.value]);
  const [again, setAgain] = useState(false);
  const list = deliveries.value[hook.id];
  return (
    <section class="card entries" aria-labelledby="log">
      <div class="card-head">
        <h2 id="log">Deliveries to {clean(hook.name)}</h2>
        {hook.enabled && may("admin") ? (
          <button type="button" class="button plain" aria-expanded={again} onClick={() => setAgain(!again)}>
            Send again…
          </button>
        ) : null}
      </div>
      {again && hook.enabled ? <SendAgain hook={hook} close={() => setAgain(false)} /> : null}
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

/** Spans back from now of which messages are sent again. */
const SPANS: readonly [from: string, label: string][] = [
  ["now-1h", "of the last hour"],
  ["now-1d", "of the last 24 hours"],
  ["now-7d", "of the last 7 days"],
  ["", "of a time…"],
];

type Which = "failed" | "delivered" | "withdrawn" | "";

/** Messages of a time, to be sent once more under the ids they have. */
function SendAgain({ hook, close }: { hook: Webhook; close: () => void }) {
  const [which, setWhich] = useState<Which>("failed");
  const [span, setSpan] = useState("now-1d");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const { at, Rest, ...form } = useForm([which, span, from, to]);
  const time = (text: string) => (text === "" ? {} : { at: new Date(text).toISOString() });
  const submit = (event: Event) =>
    form.send(event, async () => {
      const range =
        span === ""
          ? { from: time(from).at ?? null, ...(to === "" ? {} : { to: time(to).at ?? null }) }
          : { from: span };
      const answer = await api.webhooks.replayMany({
        webhook: hook.id,
        ...range,
        ...(which === "" ? {} : { state: which }),
      });
      say(`${count(answer.replayed)} ${answer.replayed === 1 ? "message is" : "messages are"} sent again.`);
      await Promise.all([loadWebhooks(), loadDeliveries(hook.id)]);
      close();
    });
  return (
    <form class="form again" onSubmit={submit} aria-label="Send messages again">
      <div class="form-grid">
        <Field label="Which" problem={at("state")}>
          <select class="input" value={which} onChange={(event) => setWhich(event.currentTarget.value as Which)}>
            <option value="failed">Those that failed</option>
            <option value="withdrawn">Those withdrawn</option>
            <option value="delivered">Those delivered</option>
            <option value="">All</option>
          </select>
        </Field>
        <Field label="When" problem={span === "" ? undefined : at("from")}>
          <select class="input" value={span} onChange={(event) => setSpan(event.currentTarget.value)}>
            {SPANS.map(([one, label]) => (
              <option key={one} value={one}>
                {label}
              </option>
            ))}
          </select>
        </Field>
        {span === "" ? (
          <>
            <Field label="From" problem={at("from")}>
              <input
                class="input"
                type="datetime-local"
                required
                value={from}
                onInput={(event) => setFrom(event.currentTarget.value)}
              />
            </Field>
            <Field label="To" hint="empty: now" problem={at("to")}>
              <input
                class="input"
                type="datetime-local"
                value={to}
                onInput={(event) => setTo(event.currentTarget.value)}
              />
            </Field>
          </>
        ) : null}
      </div>
      {Rest()}
      <div class="row">
        <button type="submit" class="button" disabled={form.busy}>
          Send again
        </button>
        <button type="button" class="button plain" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

const arrived = ({ status, error }: Delivery["attempts"][number]): boolean =>
  !error && (status ?? 0) >= 200 && (status ?? 0) < 300;

function DeliveryEntry({ delivery, off }: { delivery: Delivery; off: boolean }) {
  const [open, setOpen] = useState(false);
  const { now, alerts } = state.value;
  const next = millis(delivery.next_attempt_at);
  const waits = delivery.state === "pending" && next !== null;
  const held = millis(delivery.quiet_until);
  const latest = delivery.attempts.at(-1);
  const alert = delivery.alert === null ? null : alerts?.[delivery.alert];
  // What stands in its place where an alert is about a whole device, or about the hub, is a word of machines.
  const hasSensor = alert && alert.sensor !== "" && alert.device !== "" && !isOfDevice(alert);
  const offline = delivery.event === "alert.resolved" ? "are no longer offline" : "went offline";
  const about = delivery.devices
    ? `${count(delivery.devices)} devices ${offline}`
    : alert
      ? `${clean(ruleName(alert))}, ${clean(alert.device_name)}${hasSensor ? ` ${title(alert.sensor)}` : ""}`
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
              {causeOf(latest)} in {digits(latest.duration_ms)} ms
            </span>
          ) : null}
          {delivery.summary ? <span>told in a summary</span> : null}
          {delivery.state === "withdrawn" ? (
            <span>not sent: it was over, or its device deleted, before its time came</span>
          ) : null}
          {waits && !delivery.summary ? (
            <span>
              {off
                ? "waits until the webhook is turned on"
                : held !== null
                  ? `waits for the end of the quiet hours, ${toTheMinute(when(held, now))}`
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
      {off || (waits && ((next <= now && held === null) || delivery.summary)) || !may("admin") ? null : (
        <button
          type="button"
          class="button plain"
          aria-label={`${waits ? "Try" : "Send"} ${event} of ${at} ${waits ? "now" : "again"}`}
          onClick={() => void replay(delivery)}
        >
          {waits ? "Try now" : "Send again"}
        </button>
      )}
      {delivery.attempt_count > 0 ? (
        <details onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
          <summary>{delivery.attempt_count === 1 ? "The attempt" : "Every attempt"}</summary>
          {open ? <Timeline delivery={delivery} /> : null}
        </details>
      ) : null}
    </li>
  );
}

/** What happened to a message, from its cause to now: headers and answers are asked of the hub when somebody looks. */
function Timeline({ delivery }: { delivery: Delivery }) {
  const { now } = state.value;
  const [whole, setWhole] = useState<DeliveryWithBody | null>(null);
  useEffect(() => {
    let over = false;
    void told(api.webhooks.delivery(delivery.id)).then((answer) => over || (answer && setWhole(answer)));
    return () => {
      over = true;
    };
  }, [delivery.id, delivery.attempt_count]);
  const attempts = whole?.attempts.length === delivery.attempt_count ? whole.attempts : delivery.attempts;
  const next = millis(delivery.next_attempt_at);
  return (
    <ol class="attempts timeline" aria-label="Timeline">
      <li>{moment(delivery.created_at, now)}: caused</li>
      {attempts.map((attempt, i) => (
        <li key={i} class={arrived(attempt) ? "good" : "bad"}>
          {moment(attempt.at, now)}: {causeOf(attempt)}, {digits(attempt.duration_ms)} ms
          <Head label="Sent" of={attempt.request_head} />
          <Head label="Answered" of={attempt.response_head} />
          {attempt.response ? <pre tabIndex={0}>{clean(attempt.response, 1_024)}</pre> : null}
        </li>
      ))}
      {whole ? (
        <li>
          <details>
            <summary>The message</summary>
            <pre tabIndex={0}>{cleanLines(whole.body)}</pre>
          </details>
        </li>
      ) : null}
      {delivery.state === "pending" && next !== null && next > now ? (
        <li>next attempt in {duration(next - now)}</li>
      ) : null}
    </ol>
  );
}

const moment = (at: string, now: number) => when(millis(at) ?? now, now);

function Head({ label, of }: { label: string; of: string | null | undefined }) {
  return of ? (
    <details>
      <summary>{label}</summary>
      <pre tabIndex={0}>{cleanLines(of)}</pre>
    </details>
  ) : null;
}
