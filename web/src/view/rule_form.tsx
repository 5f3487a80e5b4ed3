// The rule editor. While it is typed it says what the rule would have done in the last day, by the hub's own engine.

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { loadWebhooks, reason, saveRule, say } from "../actions";
import { part } from "../app";
import { clean, parseSpan } from "../format";
import { conditionOf, fieldsOf, outcome, type Fields } from "../rule";
import type { Op, Rule, Severity } from "../types";
import { Field } from "./controls";

/** Typing settles before the hub is asked. */
const SETTLE_MS = 400;
/** What the hub says to wait when too many rules are tried at once. */
const BUSY_MS = 2_000;

const devices = part((s) => s.devices);
const latest = part((s) => s.latest);
const webhooks = part((s) => s.webhooks);

export function RuleForm({ rule, device, sensor, done }: { rule: Rule | null; device: string; sensor: string; done: () => void }) {
  const [name, setName] = useState(rule?.name ?? "");
  const [who, setWho] = useState(rule?.device ?? (device || "*"));
  const [what, setWhat] = useState(rule?.sensor ?? sensor);
  const [fields, setFields] = useState(() => fieldsOf(rule?.condition ?? null));
  const [hold, setHold] = useState(rule?.for ?? "60s");
  const [severity, setSeverity] = useState<Severity>(rule?.severity ?? "warning");
  const [chosenHooks, setHooks] = useState<readonly string[] | null>(rule?.webhooks ?? null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    first.current?.focus();
    void loadWebhooks();
  }, []);
  // A new rule notifies those that are meant for new rules, until a person chooses.
  const hooks = chosenHooks ?? (webhooks.value ?? []).filter((hook) => hook.for_new_rules).map((hook) => hook.id);

  // An error is about what was typed: mended or changed, it is gone.
  useEffect(() => setProblem(""), [name, who, what, JSON.stringify(fields), hold]);

  const typed = conditionOf(fields);
  const draft = "condition" in typed && what.trim() !== "" && who.trim() !== "" && parseSpan(hold.trim()) !== null
    ? { device: who.trim(), sensor: what.trim(), labels: rule?.labels ?? {}, condition: typed.condition, for: hold.trim(), severity, webhooks: [...hooks], enabled: rule?.enabled ?? true }
    : null;
  const past = useBacktest(draft);

  const submit = async (event: Event) => {
    event.preventDefault();
    if ("problem" in typed) return setProblem(typed.problem);
    if (parseSpan(hold.trim()) === null) return setProblem("Write the hold time like 60s, 5m or 1h.");
    if (draft === null) return;
    setBusy(true);
    setProblem("");
    try {
      await saveRule(rule?.id ?? null, { ...draft, name: name.trim() });
      say(rule ? "Rule saved." : "Rule created.");
      done();
    } catch (error) {
      setProblem(reason(error));
      setBusy(false);
    }
  };

  const names = [...new Set(Object.values(devices.value ?? {}).filter((one) => one.status === "online" || one.status === "offline").map((one) => one.name))].slice(0, 200);
  const sensors = [...new Set(Object.values(latest.value).flatMap((of) => Object.keys(of)))].sort().slice(0, 200);

  return (
    <form class="card form" onSubmit={(event) => void submit(event)} aria-labelledby="rule-form">
      <h2 id="rule-form">{rule ? "Edit rule" : "New rule"}</h2>
      <div class="form-grid">
        <Field label="Name"><input ref={first} class="input" required maxLength={64} placeholder="Too warm" value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
        <Field label="Device" hint="* stands for any text">
          <input class="input" required list="rule-devices" value={who} onInput={(event) => setWho(event.currentTarget.value)} />
        </Field>
        <Field label="Sensor">
          <input class="input" required list="rule-sensors" placeholder="temp*" value={what} onInput={(event) => setWhat(event.currentTarget.value)} />
        </Field>
        <datalist id="rule-devices"><option value="*" />{names.map((one) => <option key={one} value={one} />)}</datalist>
        <datalist id="rule-sensors">{sensors.map((one) => <option key={one} value={one} />)}</datalist>
      </div>
      <div class="form-grid">
        <Field label="Fires when the value">
          <select class="input" value={fields.type} onChange={(event) => setFields({ ...fields, type: event.currentTarget.value as Fields["type"] })}>
            <option value="threshold">crosses a limit</option><option value="rate">changes too fast</option><option value="increase">grows too much</option>
            <option value="deviation">is unusual</option><option value="silence">stops arriving</option>
          </select>
        </Field>
        <Of fields={fields} set={setFields} />
        <Field label="For at least" hint="60s, 5m, 1h; 0s fires at once"><input class="input" required value={hold} onInput={(event) => setHold(event.currentTarget.value)} /></Field>
        <Field label="Severity">
          <select class="input" value={severity} onChange={(event) => setSeverity(event.currentTarget.value as Severity)}>
            <option value="info">info</option><option value="warning">warning</option><option value="critical">critical</option>
          </select>
        </Field>
      </div>
      {webhooks.value && webhooks.value.length > 0 ? (
        <fieldset>
          <legend>Webhooks</legend>
          <div class="row">
            {webhooks.value.map((hook) => (
              <label class="check" key={hook.id}>
                <input type="checkbox" checked={hooks.includes(hook.id)} onChange={(event) => setHooks(event.currentTarget.checked ? [...hooks, hook.id] : hooks.filter((one) => one !== hook.id))} />
                {clean(hook.name)}
              </label>
            ))}
          </div>
        </fieldset>
      ) : null}
      {past === null ? null : <p class="note" role="status">{past}</p>}
      {problem ? <p class="problem" role="alert">{problem}</p> : null}
      <div class="row"><button class="button primary" disabled={busy}>{rule ? "Save rule" : "Create rule"}</button><button type="button" class="button" onClick={done}>Cancel</button></div>
    </form>
  );
}

/** The fields of a condition's kind. */
function Of({ fields, set }: { fields: Fields; set: (fields: Fields) => void }) {
  const number = (key: "value" | "clear" | "sigmas" | "least", needed: boolean) => (
    <input class="input" required={needed} inputMode="decimal" type="number" step="any" value={fields[key]} onInput={(event) => set({ ...fields, [key]: event.currentTarget.value })} />
  );
  const span = (key: "per" | "over" | "after") => <input class="input" required value={fields[key]} onInput={(event) => set({ ...fields, [key]: event.currentTarget.value })} />;
  const direction = (
    <select class="input" value={fields.op} onChange={(event) => set({ ...fields, op: event.currentTarget.value as Op })}>
      <option value=">">above</option><option value=">=">at or above</option><option value="<">below</option><option value="<=">at or below</option>
    </select>
  );
  switch (fields.type) {
    case "threshold":
      return (
        <>
          <Field label="Direction">{direction}</Field>
          <Field label="Limit">{number("value", true)}</Field>
          <Field label="Resolves at" hint="optional, default: the limit">{number("clear", false)}</Field>
        </>
      );
    case "rate":
      return (
        <>
          <Field label="Direction" hint="use a negative limit for falling values">{direction}</Field>
          <Field label="Limit" hint={`change per ${fields.per}`}>{number("value", true)}</Field>
          <Field label="Per" hint="1s, 60s, 1h">{span("per")}</Field>
          <Field label="Measured over" hint="5s to 7d">{span("over")}</Field>
          <Field label="Resolves at" hint="optional, default: the limit">{number("clear", false)}</Field>
        </>
      );
    case "increase":
      return (
        <>
          <Field label="Direction">{direction}</Field>
          <Field label="Limit" hint={`in ${fields.over}, in the sensor's unit`}>{number("value", true)}</Field>
          <Field label="Within" hint="5s to 7d">{span("over")}</Field>
          <Field label="Clears at" hint="optional, default: the limit">{number("clear", false)}</Field>
        </>
      );
    case "deviation":
      return (
        <>
          <Field label="Deviations" hint="standard deviations from the mean, either side">{number("sigmas", true)}</Field>
          <Field label="Of the last" hint="5s to 7d">{span("over")}</Field>
          <Field label="And more than" hint="in the sensor's unit; empty: anything">{number("least", false)}</Field>
          <Field label="Resolves within" hint="deviations; optional, default: the same">{number("clear", false)}</Field>
        </>
      );
    case "silence":
      return <Field label="For longer than" hint="1s to 30d">{span("after")}</Field>;
  }
}

/** What the rule would have done, or null while there is nothing to say. */
function useBacktest(draft: Omit<api.RuleDraft, "name"> | null): string | null {
  const [text, setText] = useState<string | null>(null);
  // By its text: the draft is a new object each time.
  const asked = draft === null ? null : JSON.stringify({ ...draft, severity: "info", webhooks: [] });
  useEffect(() => {
    let current = true;
    if (asked === null) return setText(null);
    const ask = () =>
      api.rules.backtest(JSON.parse(asked) as Omit<api.RuleDraft, "name">).then(
        (result) => current && setText(outcome(result)),
        (error: unknown) => {
          if (!current) return;
          // What is wrong with the rule is said when it is saved; a hub that is busy with others' rules is asked again.
          setText(null);
          if (error instanceof api.Refused && error.status === 503) timer = setTimeout(ask, BUSY_MS);
        },
      );
    let timer = setTimeout(ask, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [asked]);
  return text;
}
