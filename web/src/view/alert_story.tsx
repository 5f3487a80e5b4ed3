// What happened to an alert, line by line: its own moments, whom the hub told, and what people said.

import { Fragment } from "preact";
import { useEffect } from "preact/hooks";
import { loadWebhooks } from "../actions/loading";
import { part } from "../app";
import { pathTo } from "../base";
import { clean, millis, when } from "../format";
import { shortCause } from "../hook";
import { storyLines, tellsNobody, type StoryLine, type ToldEntry } from "../story";
import type { AlertDetail } from "../types";
import { isOver } from "./alert_entries";

const clock = part((s) => s.now);
const rules = part((s) => s.rules);
const webhooks = part((s) => s.webhooks);

const EVENTS: Record<string, string> = {
  "alert.firing": "that it fires",
  "alert.resolved": "that it is over",
  "alert.past": "of it as past",
  "alert.flapping": "that it flaps",
  "alert.acknowledged": "that somebody has seen it",
  "alert.repeated": "that it still fires",
};

const NOW: Record<string, string> = {
  pending: "It does not fire yet.",
  firing: "It still fires.",
  unknown: "Whether it still fires is not known: nothing is heard.",
};

export function Story({ of }: { of: AlertDetail }) {
  const now = clock.value;
  useEffect(() => void loadWebhooks(), []);
  const rule = rules.value?.find(({ id }) => id === of.rule.id);
  const isUntold = rule !== undefined && webhooks.value !== null && tellsNobody(rule, webhooks.value);
  return (
    <section class="card" aria-labelledby="story">
      <h2 id="story">What happened</h2>
      <ol class="story">
        {storyLines(of, isUntold).map((one, n) => (
          <li key={`${n} ${one.what}`} data-what={one.what} class={toneOf(one)}>
            <time dateTime={one.at} class="small quiet">
              {when(Date.parse(one.at), now)}
            </time>
            <div>{told(one, now)}</div>
          </li>
        ))}
        {isOver(of) ? null : (
          <li class="now">
            <span class="small quiet">now</span>
            <div class="quiet">{NOW[of.state] ?? ""}</div>
          </li>
        )}
      </ol>
    </section>
  );
}

const said = (comment: string | null | undefined) => (comment ? `: “${clean(comment)}”` : ".");

function toneOf(one: StoryLine): string {
  if (one.what === "fired") return "bad";
  if (one.what === "resolved") return "good";
  if (one.what === "nobody") return "bad";
  if (one.what === "told") return one.state === "failed" ? "bad" : "";
  return "";
}

/** More names than these would be a list of webhooks. */
const NAMED_MOST = 6;

const webhook = (one: ToldEntry) => (
  <a href={pathTo(`/w?webhook=${one.webhook}`)}>{clean(one.webhook_name || one.webhook)}</a>
);

/** `A, B and C`. */
function named(all: readonly ToldEntry[]): preact.ComponentChildren {
  const shown = all.slice(0, all.length > NAMED_MOST ? NAMED_MOST - 1 : NAMED_MOST);
  const more = all.length - shown.length;
  return shown.map((one, n) => (
    <Fragment key={one.delivery}>
      {n === 0 ? "" : n === shown.length - 1 && more === 0 ? " and " : ", "}
      {webhook(one)}
      {n === shown.length - 1 && more > 0 ? ` and ${more} more` : ""}
    </Fragment>
  ));
}

function told(one: StoryLine, now: number): preact.ComponentChildren {
  switch (one.what) {
    case "began":
      return "Its condition became true.";
    case "fired":
      return <strong>It fired.</strong>;
    case "learned":
      return "The hub learned of it.";
    case "rule_changed":
      return "The rule was changed or switched off, or is no longer about this: that ended it, no reading did.";
    case "resolved":
      return <strong>It was over.</strong>;
    case "flapped":
      return "It changed so often that its changes were told no more until it was calm.";
    case "silenced":
      return `Silenced until ${when(Date.parse(one.until), now)}${said(one.comment)} Nobody is told meanwhile.`;
    case "acknowledged":
      return `${one.by ? clean(one.by) : "Somebody"} acknowledged it${said(one.comment)}`;
    case "nobody":
      return "Nobody was told: the rule notifies no webhook.";
    case "told all":
      return (
        <>
          {named(one.of)} were told {EVENTS[one.of[0]!.event] ?? one.of[0]!.event}.
        </>
      );
    case "told": {
      const who = webhook(one);
      const what = EVENTS[one.event] ?? one.event;
      const tries = one.attempts > 1 ? `, at attempt ${one.attempts}` : "";
      const arrived = millis(one.arrived_at);
      if (one.state === "delivered")
        return (
          <>
            {who} was told {one.in_summary ? "in a summary " : ""}
            {what}
            {arrived === null || arrived - Date.parse(one.at) < 60_000 ? "" : `, ${when(arrived, now)}`}
            {tries}.
          </>
        );
      return (
        <>
          {who} {one.state === "failed" ? "was not told" : "is to be told"} {what}
          {one.attempts > 0 ? `: ${one.attempts} ${one.attempts === 1 ? "attempt" : "attempts"} failed` : ""}
          {one.error ? ` (${shortCause(clean(one.error, 200))})` : ""}.
        </>
      );
    }
    default:
      // A hub newer than this page may tell more.
      return (one as { what: string }).what;
  }
}
