// What a person does with alerts, with the rules they come from, and with silences over both.

import * as api from "../api";
import { dispatch } from "../app";
import type { Alert, Rule } from "../types";
import { answered, told } from "./answer";
import { loadAlerts, loadRules, loadSilences } from "./loading";

export const ack = (alert: Alert, comment?: string) =>
  answered(api.alerts.ack(alert.id, comment), (acked, asked) => dispatch({ kind: "alert", alert: acked, asked }));

/** As many as the hub takes at once. */
const ACKED_AT_ONCE = 1_000;

/**
 * Says of all of them that somebody knows; then they are loaded anew:
 * so many may be more than the stream tells one by one.
 */
export async function ackAll(alerts: readonly Alert[]): Promise<void> {
  for (let i = 0; i < alerts.length; i += ACKED_AT_ONCE) {
    if ((await told(api.alerts.ackAll(alerts.slice(i, i + ACKED_AT_ONCE).map(({ id }) => id)))) === null) break;
  }
  await loadAlerts();
}

/** Nobody is told of a whole rule for some time. */
export async function silenceRule(rule: string, span: string): Promise<void> {
  if (await told(api.silences.create({ rule, for: span }))) await loadSilences();
}

/** Nobody is told of this alert's rule on this sensor for some time; what still fires then is told then. */
export async function silence(alert: Alert, span: string): Promise<void> {
  const made = await told(
    api.silences.create({
      rule: alert.rule.id,
      device: alert.device || alert.device_name,
      sensor: alert.sensor,
      for: span,
    }),
  );
  if (made) await loadSilences();
}

export async function endSilence(id: string): Promise<void> {
  await told(api.silences.remove(id));
  await loadSilences();
}

export async function saveRule(id: string | null, draft: api.RuleDraft): Promise<Rule> {
  const saved = await (id === null ? api.rules.create(draft) : api.rules.replace(id, draft));
  await loadRules();
  return saved;
}

export async function removeRule(id: string): Promise<void> {
  await told(api.rules.remove(id));
  await loadRules();
}
