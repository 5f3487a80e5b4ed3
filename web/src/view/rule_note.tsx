// In the place of the form: a rule that cannot be changed on the page, or that is not there.

import { pathTo } from "../base";
import { part } from "../app";
import { clean } from "../format";
import { sentence, unitOf, unitsOfParts } from "../rule";
import type { Rule } from "../types";

const devices = part((s) => s.devices);
const latest = part((s) => s.latest);

export function RuleNote({ id, rule }: { id: string; rule: Rule | null }) {
  const all = Object.values(devices.value ?? {});
  const units = rule ? unitsOfParts(rule, all, latest.value) : null;
  return (
    <section class="card stack" aria-labelledby="rule-note" role="status">
      <div>
        <h2 id="rule-note">{rule ? clean(rule.name) : "This rule is not here"}</h2>
        <p class="small">
          {rule
            ? sentence(rule, unitOf(rule, all, latest.value), (sensor) => units?.get(sensor) ?? "")
            : `There is no rule ${clean(id, 64)}: it was deleted, or the address is mistyped.`}
        </p>
      </div>
      {rule?.source ? (
        <p class="small quiet">
          It is kept in {clean(rule.source.file, 500)}, line {rule.source.line}. Change it there, then run{" "}
          <code>telemetry-hub rules apply</code>.
        </p>
      ) : rule ? (
        <p class="small quiet">It can be read here and changed by the API: this page does not know its kind.</p>
      ) : null}
      <div class="row">
        <a class="button" href={pathTo("/a")}>
          Close
        </a>
      </div>
    </section>
  );
}
