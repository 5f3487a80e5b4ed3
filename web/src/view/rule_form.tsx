// The rule editor. While the limit is typed it says how often the rule would have fired in the last day.

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import { loadWebhooks, reason, saveRule, say } from "../actions";
import { part, serverNow } from "../app";
import { clean, parseSpan } from "../format";
import { glob, wouldFire } from "../rule";
import { buckets } from "../series";
import type { Op, Rule, Severity } from "../types";
import { Field } from "./controls";

const DAY_MS = 86_400_000;
/** One bucket a minute, the finest the day keeps for certain. */
const DAY_POINTS = 1_440;
/** Typing settles before the hub is asked. */
const SETTLE_MS = 400;

const devices = part((s) => s.devices);
const latest = part((s) => s.latest);
const webhooks = part((s) => s.webhooks);

export function RuleForm({ rule, device, sensor, done }: { rule: Rule | null; device: string; sensor: string; done: () => void }) {
  const threshold = rule?.condition.type === "threshold" ? rule.condition : null;
  const [name, setName] = useState(rule?.name ?? "");
  const [who, setWho] = useState(rule?.device ?? (device || "*"));
  const [what, setWhat] = useState(rule?.sensor ?? sensor);
  const [op, setOp] = useState<Op>(threshold?.op ?? ">");
  const [value, setValue] = useState(threshold ? String(threshold.value) : "");
  const [clear, setClear] = useState(threshold?.clear !== undefined && threshold.clear !== null ? String(threshold.clear) : "");
  const [hold, setHold] = useState(rule?.for ?? "60s");
  const [severity, setSeverity] = useState<Severity>(rule?.severity ?? "warning");
  const [hooks, setHooks] = useState<readonly string[]>(rule?.webhooks ?? []);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    first.current?.focus();
    if (webhooks.peek() === null) void loadWebhooks();
  }, []);

  const limit = value === "" ? null : Number(value);
  const past = useBacktest(who, what, op, limit, clear === "" ? null : Number(clear), parseSpan(hold.trim()) ?? 0);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (limit === null || !Number.isFinite(limit)) return setProblem("The limit must be a number.");
    if (parseSpan(hold.trim()) === null) return setProblem("Write the hold time like 60s, 5m or 1h.");
    setBusy(true);
    setProblem("");
    try {
      await saveRule(rule?.id ?? null, {
        name: name.trim(), device: who.trim(), sensor: what.trim(), labels: rule?.labels ?? {},
        condition: { type: "threshold", op, value: limit, ...(clear === "" ? {} : { clear: Number(clear) }) },
        for: hold.trim(), severity, webhooks: [...hooks], enabled: rule?.enabled ?? true,
      });
      say(rule ? "Rule saved." : "Rule made. It watches from the next reading on.");
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
        <Field label="Fires when the value is">
          <select class="input" value={op} onChange={(event) => setOp(event.currentTarget.value as Op)}>
            <option value=">">above</option><option value=">=">at or above</option><option value="<">below</option><option value="<=">at or below</option>
          </select>
        </Field>
        <Field label="Limit"><input class="input" required inputMode="decimal" type="number" step="any" value={value} onInput={(event) => setValue(event.currentTarget.value)} /></Field>
        <Field label="Clears at" hint="empty: at the limit"><input class="input" inputMode="decimal" type="number" step="any" value={clear} onInput={(event) => setClear(event.currentTarget.value)} /></Field>
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

/** "Would have fired 3 times in the last 24 h, on 2 of 5 devices", or null while there is nothing to say. */
function useBacktest(device: string, sensor: string, op: Op, value: number | null, clear: number | null, holdMs: number): string | null {
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    let current = true;
    if (value === null || !Number.isFinite(value) || sensor.trim() === "") return setText(null);
    const timer = setTimeout(() => {
      const ids = Object.values(devices.peek() ?? {}).filter((one) => glob(device, one.name) || glob(device, one.id)).map((one) => one.id).slice(0, 20);
      if (ids.length === 0) return setText("No device of that name yet; the rule waits for one.");
      const to = serverNow();
      api.readings.query([{ device: ids, sensor: [sensor], ...buckets(to - DAY_MS, to, DAY_POINTS) }]).then(
        ([result]) => {
          if (!current) return;
          const fired = (result?.series ?? []).map((series) => wouldFire(series, op, value, clear, holdMs));
          const total = fired.reduce((sum, one) => sum + one, 0);
          if (fired.length === 0) setText("No such sensor has reported in the last 24 h.");
          else setText(`Would have fired ${total === 1 ? "once" : `${total} times`} in the last 24 h${fired.length > 1 ? `, on ${fired.filter((one) => one > 0).length} of ${fired.length} series` : ""}.`);
        },
        () => current && setText(null),
      );
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [device, sensor, op, value, clear, holdMs]);
  return text;
}
