// What happened to an alert, as its page tells it: nothing before its cause, and one line for all that were told the
// same thing. PURE.

import type { AlertDetail, Rule, StoryEntry } from "./types";

export type ToldEntry = Extract<StoryEntry, { what: "told" }>;

/** Several webhooks that took the same message, or that no webhook was told. */
export type StoryLine = StoryEntry | { what: "told all"; at: string; of: ToldEntry[] } | { what: "nobody"; at: string };

/** Whether nobody hears of what this rule finds. */
export const tellsNobody = (rule: Pick<Rule, "webhooks" | "all_webhooks">, webhooks: readonly unknown[]): boolean =>
  rule.all_webhooks ? webhooks.length === 0 : rule.webhooks.length === 0;

/** What each message is about: it stands behind that. */
const CAUSES: Readonly<Record<string, StoryEntry["what"]>> = {
  "alert.resolved": "resolved",
  "alert.past": "resolved",
  "alert.acknowledged": "acknowledged",
};

/** Of what has one moment, this comes first. */
const ORDER: readonly StoryLine["what"][] = [
  "began",
  "fired",
  "learned",
  "silenced",
  "flapped",
  "acknowledged",
  "rule_changed",
  "resolved",
  "told",
  "nobody",
];

/**
 * The lines, oldest first; `isUntold` where the rule is known to tell nobody. Messages are timed by the hub, and what
 * they are about by the device: none is shown before its cause.
 */
export function storyLines(
  { story, fired_at }: Pick<AlertDetail, "story" | "fired_at">,
  isUntold: boolean,
): StoryLine[] {
  const told = (one: StoryEntry): one is ToldEntry => one.what === "told";
  const moment = (one: StoryEntry) => {
    const cause = told(one) ? story.find(({ what }) => what === (CAUSES[one.event] ?? "fired")) : undefined;
    return Math.max(Date.parse(one.at), cause ? Date.parse(cause.at) : 0);
  };
  const rank = ({ what }: StoryLine) => ORDER.indexOf(what);
  const sorted = [...story].sort((a, b) => moment(a) - moment(b) || rank(a) - rank(b));
  const lines: StoryLine[] = [];
  for (const one of sorted) {
    const joined = told(one) && isPlain(one) ? sameAs(one, lines) : -1;
    const before = lines[joined];
    if (before === undefined) lines.push(one);
    else lines[joined] = { what: "told all", at: before.at, of: [...toldIn(before), one as ToldEntry] };
  }
  if (isUntold && fired_at && !story.some(told)) {
    const behind = lines.findLastIndex(({ what }) => what === "fired" || what === "learned");
    lines.splice(behind + 1, 0, { what: "nobody", at: lines[behind]?.at ?? fired_at });
  }
  return lines;
}

const toldIn = (line: StoryLine): ToldEntry[] =>
  line.what === "told all" ? line.of : line.what === "told" && isPlain(line) ? [line] : [];

/** Where others were told the same at about that moment, and nothing else has happened since; -1 where none were. */
function sameAs(one: ToldEntry, lines: readonly StoryLine[]): number {
  const since = lines.findLastIndex(({ what }) => what !== "told" && what !== "told all");
  return lines.findIndex((line, n) => {
    const [first] = toldIn(line);
    return n > since && first?.event === one.event && Date.parse(one.at) - Date.parse(first.at) < TOGETHER_MS;
  });
}

/** What is told so soon after is told together. */
const TOGETHER_MS = 60_000;

/** Taken by itself, at the first attempt and without delay: nothing is to be said of it but that. */
function isPlain(one: ToldEntry): boolean {
  const arrived = one.arrived_at ? Date.parse(one.arrived_at) : null;
  return (
    !one.in_summary &&
    one.state === "delivered" &&
    one.attempts <= 1 &&
    arrived !== null &&
    arrived - Date.parse(one.at) < TOGETHER_MS
  );
}
