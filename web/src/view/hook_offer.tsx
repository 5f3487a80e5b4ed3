// After the first webhook: who is to notify it. A rule that was made before it notifies nobody until somebody says so.

import * as api from "../api";
import { say, told } from "../actions/answer";
import { loadRules, loadWebhooks } from "../actions/loading";
import { part } from "../app";
import { clean } from "../format";
import type { Webhook } from "../types";

const rules = part((s) => s.rules);

export function HookOffer({ hook, close }: { hook: Webhook; close: () => void }) {
  const name = clean(hook.name);
  const mute = (rules.value ?? []).filter((rule) => !rule.all_webhooks && rule.webhooks.length === 0);
  // Those that are kept in files are changed there.
  const here = mute.filter((rule) => rule.source === null).length;
  const inFiles = mute.length - here;
  if (here === 0 && hook.for_new_rules) return null;
  const add = async () => {
    if (here > 0 && (await told(api.webhooks.addToRules(hook.id))) === null) return;
    if (!hook.for_new_rules && (await told(api.webhooks.change(hook.id, { for_new_rules: true }))) === null) return;
    await Promise.all([loadRules(), loadWebhooks()]);
    say(`${name} hears of ${here > 0 ? "your rules and of new ones" : "new rules"}.`);
    close();
  };
  return (
    <section class="card stack" role="status" aria-label="Who notifies it">
      <div>
        <h2>{here > 0 ? `No rule notifies ${name} yet` : `Shall new rules notify ${name}?`}</h2>
        <p class="small">
          {here === 0
            ? "A rule notifies only the webhooks that it names."
            : here === 1
              ? "One rule notifies nobody: its alerts are seen on this page only."
              : `${here} rules notify nobody: their alerts are seen on this page only.`}
          {inFiles === 0
            ? ""
            : ` ${inFiles} more ${inFiles === 1 ? "is" : "are"} kept in files: webhooks are named there.`}
        </p>
      </div>
      <div class="row">
        <button type="button" class="button primary" onClick={() => void add()}>
          {here === 0
            ? "Have new rules notify it"
            : `Add it to ${here === 1 ? "that rule" : `all ${here} rules`} and to new ones`}
        </button>
        <button type="button" class="button" onClick={close}>
          Not now
        </button>
      </div>
    </section>
  );
}
