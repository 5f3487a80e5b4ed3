// Alerts as lines: what fires, for how long, and the two answers; many of one rule are one line that opens.

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { ack, ackAll, silence, silenceRule } from "../actions/alerts";
import { part } from "../app";
import { clean, count, duration, millis, when } from "../format";
import { hint, title } from "../names";
import { between, DEFAULT_RANGE, href, OVERVIEW, type Range } from "../route";
import { beganAt, isOfDevice, ruleName, silenceOver } from "../alert";
import { reading } from "../rule";
import { SILENCES } from "../silence";
import type { Alert } from "../types";
import { weeklyText } from "../weekly";
import { Status } from "./controls";
import { may } from "./may";

/** Alerts of an open group that are drawn: more would hold up the page each second. */
const DRAWN_MOST = 100;
/** Of one rule so many stand alone; more are a group. */
const ALONE_MOST = 3;

/** The tag of which alerts are listed, where somebody chose one. */
export const chosenTag = signal<string | null>(null);

const tagsOf = ({ tags }: Pick<Alert, "tags">): string[] =>
  Object.entries(tags ?? {}).map(([key, value]) => `${key}:${value}`);

export const hasChosenTag = (alert: Alert): boolean =>
  chosenTag.value === null || tagsOf(alert).includes(chosenTag.value);

export function Tags({ of }: { of: Pick<Alert, "tags"> }) {
  return (
    <>
      {tagsOf(of).map((tag) => (
        <button
          type="button"
          class="chip"
          key={tag}
          title="Only alerts with this tag"
          aria-pressed={chosenTag.value === tag}
          onClick={() => {
            chosenTag.value = chosenTag.value === tag ? null : tag;
          }}
        >
          {clean(tag)}
        </button>
      ))}
    </>
  );
}

const silences = part((s) => s.silences);
const rules = part((s) => s.rules);

/** What its rule asks now, where that is loaded; of one that is over what it asked then. */
const conditionOf = ({ rule, state, fired_by }: Pick<Alert, "rule" | "state" | "fired_by">) =>
  state === "resolved" || state === "historical"
    ? fired_by
    : (rules.value?.find(({ id }) => id === rule.id)?.condition ?? null);
const clock = part((s) => s.now);

export function isOver(alert: Alert): boolean {
  return alert.state === "resolved" || alert.state === "historical";
}

/** One rule on three hundred devices is one thing that is wrong; a few of one rule stand each for itself. */
export function linesOf(alerts: readonly Alert[]): (Alert | readonly Alert[])[] {
  const byRule = new Map<string, Alert[]>();
  const keyOf = ({ rule, state }: Alert) => `${rule.id} ${rule.name} ${state}`;
  for (const alert of alerts) {
    const all = byRule.get(keyOf(alert));
    if (all) all.push(alert);
    else byRule.set(keyOf(alert), [alert]);
  }
  return alerts.flatMap((alert): (Alert | readonly Alert[])[] => {
    const all = byRule.get(keyOf(alert))!;
    if (all.length <= ALONE_MOST) return [alert];
    // The group stands where its first one does.
    return all[0] === alert ? [all] : [];
  });
}

export function AlertList({ lines }: { lines: readonly (Alert | readonly Alert[])[] }) {
  return (
    <ul class="entries">
      {lines.map((line) =>
        "id" in line ? (
          <AlertEntry key={line.id} alert={line} />
        ) : (
          <AlertGroup key={`group ${line[0]!.rule.id} ${line[0]!.state}`} alerts={line} />
        ),
      )}
    </ul>
  );
}

function AlertGroup({ alerts }: { alerts: readonly Alert[] }) {
  const [first] = alerts;
  const [isOpen, setOpen] = useState(false);
  const [drawn, setDrawn] = useState(DRAWN_MOST);
  const open = alerts.filter((alert) => alert.state === "firing" && alert.acked_at === null);
  const name = clean(ruleName(first!));
  // The hub's own rules are many under one id: of those each device is silenced by itself, or all by the form.
  const rule = first!.rule.name.startsWith("hub.") ? null : first!.rule.id;
  return (
    <li class="group" data-group={first!.rule.id}>
      <div class="what">
        <div class="entry-line">
          <Status of={first!.state} />
          <strong>{name}</strong>
          <span class={`chip ${first!.severity === "critical" && !isOver(first!) ? "bad" : ""}`}>
            {first!.severity}
          </span>
          <span class="small quiet">
            {count(alerts.length)} alerts
            {open.length < alerts.length && first!.state === "firing"
              ? open.length === 0
                ? ", all acknowledged"
                : `, ${count(open.length)} not acknowledged`
              : ""}
          </span>
        </div>
      </div>
      {may("write") && (open.length > 0 || (rule && first!.state === "firing")) ? (
        <div class="row">
          {open.length > 0 ? (
            <button
              type="button"
              class="button"
              aria-label={`Acknowledge all ${count(open.length)} alerts of ${name}`}
              onClick={() => void ackAll(open)}
            >
              Acknowledge all
            </button>
          ) : null}
          {rule ? (
            <SilenceChoice label={`Silence ${name} on all devices`} choose={(span) => void silenceRule(rule, span)} />
          ) : null}
        </div>
      ) : null}
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Show each of them</summary>
        {isOpen ? (
          <ul class="entries inner">
            {alerts.slice(0, drawn).map((alert) => (
              <AlertEntry key={alert.id} alert={alert} />
            ))}
          </ul>
        ) : null}
        {isOpen && alerts.length > drawn ? (
          <button type="button" class="button plain" onClick={() => setDrawn(drawn + DRAWN_MOST)}>
            Show {Math.min(DRAWN_MOST, alerts.length - drawn)} more
          </button>
        ) : null}
      </details>
    </li>
  );
}

/** Who has seen it, as far as that is known. */
function ackedBy(alert: Alert): string {
  return alert.acked_by ? `acknowledged by ${clean(alert.acked_by)}` : "acknowledged";
}

/** One click acknowledges; another way leads through a comment. */
function AckChoice({ alert, label }: { alert: Alert; label: string }) {
  const [comment, setComment] = useState<string | null>(null);
  if (comment === null)
    return (
      <>
        <button type="button" class="button" aria-label={label} onClick={() => void ack(alert)}>
          Acknowledge
        </button>
        <button
          type="button"
          class="button plain"
          aria-label={label.replace("Acknowledge", "Comment on")}
          onClick={() => setComment("")}
        >
          Comment…
        </button>
      </>
    );
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        void ack(alert, comment.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") setComment(null);
      }}
    >
      <input
        class="input"
        aria-label="What you know of it"
        placeholder="What you know of it"
        maxLength={250}
        value={comment}
        ref={(input) => input?.focus()}
        onInput={(event) => setComment(event.currentTarget.value)}
      />
      <button type="submit" class="button" aria-label={label}>
        Acknowledge
      </button>
    </form>
  );
}

function SilenceChoice({ label, choose }: { label: string; choose: (span: string) => void }) {
  return (
    <select class="input short" aria-label={label} value="" onChange={(event) => choose(event.currentTarget.value)}>
      <option value="" disabled>
        Silence…
      </option>
      {SILENCES.map(([span, text]) => (
        <option key={span} value={span}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** The window of an alert that is over: as long before and behind it as it lasted, a quarter of an hour at least. */
function around(began: number, ended: number): Range {
  const more = Math.max(ended - began, 15 * 60_000);
  return between(began - more, ended + more);
}

export function AlertEntry({ alert }: { alert: Alert }) {
  const now = clock.value;
  const began = beganAt(alert);
  const ended = millis(alert.resolved_at);
  const isOpen = alert.state === "firing" || alert.state === "unknown";
  const hushed = isOpen ? silenceOver(silences.value, alert, now) : null;
  // What is about a whole device has no sensor to show.
  const whole = isOfDevice(alert);
  const about = href(
    alert.measure === "devices"
      ? OVERVIEW
      : alert.device === ""
        ? { view: "hub" }
        : {
            view: "device",
            id: alert.device,
            sensors: whole ? [] : [alert.sensor],
            range: ended === null ? DEFAULT_RANGE : around(began, ended),
          },
  );
  const name = clean(ruleName(alert));
  const device = clean(alert.device_name);
  return (
    <li data-alert={alert.id} data-state={alert.state}>
      <div class="what">
        <div class="entry-line">
          <Status of={alert.state} />
          <a href={href({ view: "alert", id: alert.id })}>
            <strong>{name}</strong>
          </a>
          <span class={`chip ${alert.severity === "critical" && !isOver(alert) ? "bad" : ""}`}>{alert.severity}</span>
          <Tags of={alert} />
          {alert.acked_at ? <span class="chip">{ackedBy(alert)}</span> : null}
          {hushed ? (
            <span class="chip">
              silenced {hushed.weekly ? weeklyText(hushed.weekly) : `until ${when(Date.parse(hushed.until), now)}`}
            </span>
          ) : null}
        </div>
        <div class="entry-line small quiet">
          <a href={about} title={whole ? "" : hint(alert.sensor)}>
            {alert.device === "" && alert.measure !== "devices" ? "The hub" : device}
            {whole || alert.device === "" ? "" : ` ${title(alert.sensor)}`}
          </a>
          <span>{reading(alert, conditionOf(alert))}</span>
          <span>
            {isOver(alert) && ended !== null
              ? `${when(began, now)}, lasted ${duration(ended - began)}`
              : `since ${when(began, now)}, ${duration(now - began)}`}
          </span>
        </div>
        {alert.unknown_since ? (
          <span class="small">
            Nothing is heard of it since {when(millis(alert.unknown_since) ?? now, now)}; it was {alert.was ?? "firing"}
            .
          </span>
        ) : null}
        {alert.inhibited_by ? <span class="small quiet">Nobody is notified of it: its device is offline.</span> : null}
        {alert.state === "historical" ? (
          <span class="small quiet">
            It was over when the readings arrived ({when(millis(alert.learned_at) ?? now, now)}).
          </span>
        ) : null}
        {alert.ack_comment ? <span class="small quiet">“{clean(alert.ack_comment)}”</span> : null}
        {alert.new_normal ? (
          <span class="small quiet">It ended because the value stayed at this level, which now counts as usual.</span>
        ) : null}
      </div>
      <AlertActions alert={alert} />
    </li>
  );
}

/** What can be done about an alert that fires. */
export function AlertActions({ alert }: { alert: Alert }) {
  if ((alert.state !== "firing" && alert.state !== "unknown") || !may("write")) return null;
  const [name, device] = [clean(ruleName(alert)), clean(alert.device_name)];
  return (
    <div class="row">
      {silenceOver(silences.value, alert, clock.value) ? null : (
        <SilenceChoice label={`Silence ${name} on ${device}`} choose={(span) => void silence(alert, span)} />
      )}
      {alert.acked_at === null ? <AckChoice alert={alert} label={`Acknowledge ${name} on ${device}`} /> : null}
    </div>
  );
}
