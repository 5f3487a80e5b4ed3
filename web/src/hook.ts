// What a person typed about a webhook, as the hub is told, and how it stands. PURE.

import { clean } from "./format";
import type { Delivery, Webhook } from "./types";

/** A header in the form; of one that is stored the value is known to the hub only. */
export interface HeaderRow {
  name: string;
  value: string;
  stored: boolean;
}

export const rowsOf = (headers: Record<string, string>): HeaderRow[] =>
  Object.keys(headers).map((name) => ({ name, value: "", stored: true }));

/**
 * The change of headers: those typed are set, those taken away are null,
 * a stored one with nothing typed stays as it is.
 */
export function headersChange(
  stored: Record<string, string>,
  rows: readonly HeaderRow[],
): Record<string, string | null> {
  const gone = Object.keys(stored).filter(
    (name) => !rows.some((row) => row.name.trim().toLowerCase() === name.toLowerCase()),
  );
  const typed = rows.filter((row) => (row.stored ? row.value !== "" : row.name.trim() !== "" || row.value !== ""));
  return Object.fromEntries([
    ...gone.map((name) => [name, null]),
    ...typed.map((row) => [row.name.trim(), row.value.trim()]),
  ]);
}

/** Whether two addresses are of one server: what lets in at one receiver is not told another. */
export function sameServer(one: string, other: string): boolean {
  const server = (address: string) => {
    if (!URL.canParse(address)) return null;
    const url = new URL(address);
    return `${url.protocol}//${url.host}`;
  };
  return server(one) !== null && server(one) === server(other);
}

/** How many messages were given up; the hub counts to a thousand. */
export function failedText(failed: number): string {
  if (failed === 1) return "One message failed.";
  return failed >= 1_000 ? "A thousand messages or more failed." : `${failed} messages failed.`;
}

/** By how many of the rules it is used. */
export function usedBy(rules: number, all: number): string {
  if (all === 0)
    return "No rule uses it yet: it is notified only when a device goes offline and of the hub's own problems.";
  if (rules === 0)
    return "Used by no rule: it is notified only when a device goes offline and of the hub's own problems.";
  if (rules >= all) return all === 1 ? "Used by your only rule." : `Used by all ${all} rules.`;
  return `Used by ${rules} of ${all} rules.`;
}

type Sent = Pick<Delivery, "state" | "attempts" | "attempt_count">;

/** Of a refused connection the layers below say the same three times. */
export const shortCause = (text: string): string =>
  text.replace(/(: )?tcp connect error(?=: )|( \(os error \d+\))/g, "");

/** Why an attempt failed, as the hub kept it. */
export function causeOf({ status, error }: Delivery["attempts"][number]): string {
  const problem = shortCause(clean(error ?? "no answer", 200));
  if (status === null || status === undefined) return problem;
  return error ? `answered ${status}, but ${problem}` : `answered ${status}`;
}

/**
 * How a webhook stands, by what was sent to it, newest first. A message that nobody has tried to send yet, as it waits
 * for others of its rule, says nothing of its receiver.
 */
export function standingOf(
  hook: Pick<Webhook, "failing_since" | "last_delivery">,
  sent: readonly Sent[] | undefined,
): Delivery["state"] | "failing" | null {
  const isUntried = (state: string, attempts: number) => state === "pending" && attempts === 0;
  if (hook.failing_since !== null) return "failing";
  const tried = sent?.find((one) => !isUntried(one.state, one.attempt_count));
  if (tried) return tried.state;
  const last = hook.last_delivery;
  return last && !sent?.length && !isUntried(last.state, last.status === null ? 0 : 1) ? last.state : null;
}

/** `3 attempts: connection refused`, of what failed since; nothing while the attempts are not known here. */
export function failsText(hook: Pick<Webhook, "failing_since">, sent: readonly Sent[] | undefined): string {
  const since = Date.parse(hook.failing_since ?? "");
  const failed = (sent ?? [])
    .flatMap(({ attempts }) => attempts)
    .filter(({ at }) => Date.parse(at) >= since)
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const last = failed.at(-1);
  if (!last) return "";
  return `, ${failed.length} ${failed.length === 1 ? "attempt" : "attempts"}: ${causeOf(last)}`;
}

/** What a message is about; its `type`, which receivers see, is the hint. */
export const EVENTS: Readonly<Record<string, string>> = {
  "alert.firing": "Alert fires",
  "alert.resolved": "Alert resolved",
  "alert.past": "Past alert",
  "alert.flapping": "Alert flaps",
  "alert.acknowledged": "Alert acknowledged",
  "alert.repeated": "Alert still fires",
  "alerts.summary": "Summary of what waited",
  "webhook.disabled": "Another webhook is off",
  "webhook.test": "Test",
};
