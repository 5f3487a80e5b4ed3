// Alerts that are over: which of them are asked for, and how many of a rule become one line. PURE.

import type { Alert, Severity } from "./types";

export interface PastFilter {
  /** Id of a rule, or of the hub's own the name; empty for all. */
  rule: string;
  severity: Severity | "";
  state: "resolved" | "historical" | "";
}

export const EVERY_PAST: PastFilter = { rule: "", severity: "", state: "" };

/** Of one rule so many stand alone; more are one line, so that none hides the others. */
const ALONE_MOST = 3;
/** Alerts of a page. */
const PAGE = 200;

export const isFiltered = (of: PastFilter): boolean => of.rule !== "" || of.severity !== "" || of.state !== "";

/** What the hub is asked: `tag` is `key:value`, `cursor` the end of the page before. */
export function pastQuery(of: PastFilter, tag: string | null, cursor: string | null): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  for (const state of of.state === "" ? ["resolved", "historical"] : [of.state]) query.append("state", state);
  if (of.rule !== "") query.set("rule", of.rule);
  if (of.severity !== "") query.set("severity", of.severity);
  if (tag !== null) query.set("tag", tag);
  if (cursor !== null) query.set("cursor", cursor);
  return query.toString();
}

/** By what the hub finds alerts of the same rule: its own rules share one id. */
export const ruleKey = ({ rule }: Pick<Alert, "rule">): string => (rule.name.startsWith("hub.") ? rule.name : rule.id);

export const matches = (of: PastFilter, alert: Pick<Alert, "rule" | "severity" | "state">): boolean =>
  (of.rule === "" || ruleKey(alert) === of.rule) &&
  (of.severity === "" || alert.severity === of.severity) &&
  (of.state === "" || alert.state === of.state);

/** In the order given; where no rule is chosen, those of a rule that has many are one, in the place of the first. */
export function pastLines<A extends Pick<Alert, "rule">>(all: readonly A[], of: PastFilter): (A | readonly A[])[] {
  if (of.rule !== "") return [...all];
  const byRule = new Map<string, A[]>();
  for (const alert of all) {
    const others = byRule.get(ruleKey(alert));
    if (others) others.push(alert);
    else byRule.set(ruleKey(alert), [alert]);
  }
  return all.flatMap((alert): (A | readonly A[])[] => {
    const group = byRule.get(ruleKey(alert))!;
    if (group.length <= ALONE_MOST) return [alert];
    return group[0] === alert ? [group] : [];
  });
}

/** How many there are, as far as it is known: `more` where older ones have not been asked for. */
export const countText = (known: number, more: boolean): string =>
  more ? `${known} and more` : `${known} ${known === 1 ? "alert" : "alerts"}`;
