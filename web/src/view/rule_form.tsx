// The rule editor. While it is typed it says what the rule would have done in the last days, by the hub's own engine.

import { useEffect, useRef, useState } from "preact/hooks";
import { saveRule } from "../actions/alerts";
import { say } from "../actions/answer";
import { LIVE_DEVICES, loadLatest, loadWebhooks } from "../actions/loading";
import { part } from "../app";
import { clean, parseSpan } from "../format";
import { readyRules, type Ready } from "../ready";
import { conditionOf, fieldsOf, limitUnit, OF_DEVICE, type Fields } from "../condition";
import { watches } from "../alert";
import { readLabels, writeLabels } from "../labels";
import type { Rule, Severity } from "../types";
import type { Wrong } from "../wrong";
import { Field } from "./controls";
import { leaves, useForm } from "./form";
import { LabelPicker } from "./label_picker";
import { moved } from "../limit_span";
import { LimitSlider } from "./limit_slider";
import { OfSensor, ruleFields } from "./rule_fields";
import { messageFields, messageOf, RuleMessage } from "./rule_message";
import { RulePast } from "./rule_past";
import "./forms.css";

const devices = part((s) => s.devices);
const listed = part((s) => s.listed);
const latest = part((s) => s.latest);
const webhooks = part((s) => s.webhooks);

/** A hand that rests so long has typed what it wants. */
const REST_MS = 600;
const HOLD: Wrong = { field: "for", problem: "Write the hold time like 60s, 5m or 1h." };
const CLEAR_FOR: Wrong = { field: "clear_for", problem: "Write the time before it resolves like 60s, 5m or 1h." };

const unreadable = (hold: string, clearFor: string): Wrong | null =>
  parseSpan(hold.trim()) === null ? HOLD : parseSpan(clearFor.trim()) === null ? CLEAR_FOR : null;

/** Tags as far as they are written: what is wrong with them is said when the rule is saved. */
function typedTags(text: string): Record<string, string> {
  try {
    return readLabels(text, "tags");
  } catch {
    return {};
  }
}

/** A rule as it is, to be tried. */
const tried = ({ device, sensor, labels, condition, for: hold, clear_for, enabled }: Rule) => ({
  message: null,
  device,
  sensor,
  labels,
  condition,
  for: hold,
  clear_for,
  severity: "info" as const,
  webhooks: [],
  all_webhooks: false,
  enabled,
});

export function RuleForm({
  rule,
  device,
  sensor,
  done,
}: {
  rule: Rule | null;
  device: string;
  sensor: string;
  /** Told which rule was saved; none where nothing was. */
  done: (saved: string | null) => void;
}) {
  const [name, setName] = useState(rule?.name ?? "");
  const [who, setWho] = useState(rule?.device ?? (device || "*"));
  const [what, setWhat] = useState(rule?.sensor ?? sensor);
  const [fields, setFields] = useState(() => fieldsOf(rule?.condition ?? null));
  const [hold, setHold] = useState(rule?.for ?? "60s");
  const [clearFor, setClearFor] = useState(rule?.clear_for ?? "0s");
  const [severity, setSeverity] = useState<Severity>(rule?.severity ?? "warning");
  const [message, setMessage] = useState(() => messageFields(rule?.message ?? null));
  const [tags, setTags] = useState(writeLabels(rule?.tags ?? {}));
  const [chosenHooks, setHooks] = useState<readonly string[] | null>(rule?.webhooks ?? null);
  const [everybody, setEverybody] = useState(rule?.all_webhooks ?? false);
  const [labels, setLabels] = useState<Record<string, string>>(rule?.labels ?? {});
  const [measured, setMeasured] = useState<readonly [number, number] | null>(null);
  const first = useRef<HTMLInputElement>(null);
  // Once: what is loaded later must not take the hand from the field where it types.
  useEffect(() => first.current?.focus(), []);
  useEffect(() => {
    void loadWebhooks();
    // Of a large fleet only what is on the screen is known, and a rule may be about any of it.
    if (Object.keys(devices.value ?? {}).length > LIVE_DEVICES) void loadLatest([]);
  }, [listed.value]);
  // A new rule notifies those that are meant for new rules, until a person chooses.
  const hooks = chosenHooks ?? (webhooks.value ?? []).filter((hook) => hook.for_new_rules).map((hook) => hook.id);

  const { at, Rest, ...form } = useForm([
    name,
    who,
    what,
    labels,
    fields,
    hold,
    clearFor,
    tags,
    chosenHooks,
    everybody,
    message,
  ]);

  // Where the limit is one of the readings that are drawn below.
  const slides =
    fields.type === "threshold" || fields.type === "average" || fields.type === "minimum" || fields.type === "maximum"
      ? fields[fields.type]
      : null;
  const typed = conditionOf(fields);
  // A silence is over with the first reading.
  const clears = fields.type !== "silence";
  const untimed = unreadable(hold, clears ? clearFor : "0s");
  // Of a device as a whole no sensor is asked.
  const ofDevice = OF_DEVICE.has(fields.type);
  const draft =
    "condition" in typed && (ofDevice || what.trim() !== "") && who.trim() !== "" && untimed === null
      ? {
          device: who.trim(),
          sensor: ofDevice ? "*" : what.trim(),
          labels,
          condition: typed.condition,
          for: hold.trim(),
          clear_for: clears ? clearFor.trim() : "0s",
          severity,
          webhooks: everybody ? [] : [...hooks],
          all_webhooks: everybody,
          enabled: rule?.enabled ?? true,
          message: messageOf(message),
        }
      : null;

  // What contradicts itself is said while it is typed, once the hand rests; what is missing yet only when it is sent.
  const contradiction =
    "problem" in typed
      ? typed.isMissing
        ? null
        : typed
      : hold.trim() !== "" && clearFor.trim() !== ""
        ? untimed
        : null;
  useEffect(() => {
    if (contradiction === null) return;
    const rests = setTimeout(() => form.say(contradiction), REST_MS);
    return () => clearTimeout(rests);
  }, [JSON.stringify([fields, hold, clearFor])]);

  const submit = (event: Event) => {
    event.preventDefault();
    if ("problem" in typed) return form.say(typed);
    if (untimed !== null) return form.say(untimed);
    if (draft === null) return;
    form.send(event, async () => {
      const saved = await saveRule(rule?.id ?? null, { ...draft, name: name.trim(), tags: readLabels(tags, "tags") });
      say(rule ? "Rule saved." : "Rule created.");
      done(saved.id);
    });
  };
  const take = (ready: Ready) => {
    setName(ready.name);
    setWhat(ready.sensor);
    setFields({ ...fieldsOf(null), ...ready.fields });
    setHold(ready.hold);
    setClearFor("0s");
    setSeverity(ready.severity);
  };
  const watched = Object.values(devices.value ?? {}).flatMap((of) =>
    Object.entries(latest.value[of.id] ?? {}).map(([one, { unit }]) => ({
      sensor: one,
      unit,
      watched: watches({ device: who.trim(), sensor: what.trim(), labels }, of, one),
      offered: watches({ device: who.trim() || "*", sensor: "*", labels }, of, one),
    })),
  );
  const unitsOf = (name: string) =>
    watched.filter((one) => (name === "" ? one.watched : one.offered && one.sensor === name)).map((one) => one.unit);
  const ready = rule ? [] : readyRules(watched.filter((one) => one.offered));
  const names = [
    ...new Set(
      Object.values(devices.value ?? {})
        .filter((one) => one.status === "online" || one.status === "offline")
        .map((one) => one.name),
    ),
  ].slice(0, 200);
  const sensors = [...new Set(Object.values(latest.value).flatMap((of) => Object.keys(of)))].sort().slice(0, 200);

  return (
    <form
      class="card form"
      onSubmit={submit}
      onKeyDown={(event) => leaves(event) && done(null)}
      aria-labelledby="rule-form"
    >
      <h2 id="rule-form">{rule ? "Edit rule" : "New rule"}</h2>
      {ready.length > 0 ? (
        <div class="row" role="group" aria-label="Ready rules">
          <span class="small quiet">Start with</span>
          {ready.map((one) => (
            <button type="button" class="button small" key={one.label} onClick={() => take(one)}>
              {one.label}
            </button>
          ))}
        </div>
      ) : null}
      <div class="form-grid">
        <Field label="Name" problem={at("name")}>
          <input
            ref={first}
            class="input"
            required
            maxLength={64}
            placeholder="Too warm"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <Field label="Device" hint="* stands for any text" problem={at("device")}>
          <input
            class="input"
            required
            list="rule-devices"
            value={who}
            onInput={(event) => setWho(event.currentTarget.value)}
          />
        </Field>
        {ofDevice ? null : (
          <Field label="Sensor" hint="* stands for any text" problem={at("sensor")}>
            <input
              class="input"
              required
              list="rule-sensors"
              placeholder="temp*"
              value={what}
              onInput={(event) => setWhat(event.currentTarget.value)}
            />
          </Field>
        )}
        <LabelPicker devices={Object.values(devices.value ?? {})} labels={labels} set={setLabels} />
        <datalist id="rule-devices">
          <option value="*" />
          {names.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <datalist id="rule-sensors">
          {sensors.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </div>
      <div class="form-grid">
        <Field label={ofDevice ? "Fires when the device" : "Fires when the value"}>
          <select
            class="input of-words"
            value={fields.type}
            onChange={(event) => setFields({ ...fields, type: event.currentTarget.value as Fields["type"] })}
          >
            <OfSensor />
            <option value="difference">differs from another sensor</option>
            <option value="all">meets all of several conditions</option>
            <option value="any">meets one of several conditions</option>
            <option value="silence">stops arriving</option>
            <option value="count">is so on several devices</option>
            <optgroup label="The device as a whole">
              <option value="offline">is offline</option>
              <option value="source_failing">reports a source that fails</option>
              <option value="clock_off">has a clock that is off</option>
            </optgroup>
          </select>
        </Field>
        {ruleFields({ fields, set: setFields, unitsOf, at })}
        <Field label="For at least" hint="60s, 5m, 1h; 0s fires at once" problem={at("for")}>
          <input class="input" required value={hold} onInput={(event) => setHold(event.currentTarget.value)} />
        </Field>
        {clears ? (
          <Field label="Resolves after good for" hint="0s: with the first good reading" problem={at("clear_for")}>
            <input
              class="input"
              required
              value={clearFor}
              onInput={(event) => setClearFor(event.currentTarget.value)}
            />
          </Field>
        ) : null}
        <Field label="Severity">
          <select
            class="input"
            value={severity}
            onChange={(event) => setSeverity(event.currentTarget.value as Severity)}
          >
            <option value="info">info</option>
            <option value="warning">warning</option>
            <option value="critical">critical</option>
          </select>
        </Field>
        <Field label="Tags" hint="of its alerts: team=x, separated by commas" problem={at("tags")}>
          <input class="input" value={tags} onInput={(event) => setTags(event.currentTarget.value)} />
        </Field>
      </div>
      {slides && measured !== null ? (
        <LimitSlider
          value={slides.value}
          measured={measured}
          unit={limitUnit(fields, unitsOf("")).unit}
          set={(value) => setFields({ ...fields, [fields.type]: moved(slides, value) })}
        />
      ) : null}
      {webhooks.value && webhooks.value.length > 0 ? (
        <fieldset>
          <legend>Webhooks</legend>
          <div class="row">
            <label class="check">
              <input
                type="checkbox"
                checked={everybody}
                onChange={(event) => setEverybody(event.currentTarget.checked)}
              />
              All, also later ones
            </label>
            {(everybody ? [] : webhooks.value).map((hook) => (
              <label class="check" key={hook.id}>
                <input
                  type="checkbox"
                  checked={hooks.includes(hook.id)}
                  onChange={(event) =>
                    setHooks(event.currentTarget.checked ? [...hooks, hook.id] : hooks.filter((one) => one !== hook.id))
                  }
                />
                {clean(hook.name)}
              </label>
            ))}
          </div>
          {hooks.length === 0 && !everybody ? (
            <p class="small quiet">None is chosen: its alerts are shown here, and nobody is notified.</p>
          ) : null}
        </fieldset>
      ) : null}
      <RuleMessage
        fields={message}
        set={setMessage}
        problems={{ title: at("message.title"), text: at("message.text") }}
        id={rule?.id ?? null}
        draft={
          draft === null
            ? null
            : { ...draft, ...(name.trim() === "" ? {} : { name: name.trim() }), tags: typedTags(tags) }
        }
        refused={form.say}
      />
      {ofDevice ? (
        <p class="small quiet">
          How devices were is not kept: what this rule would have done in the last 24 h is not known.
        </p>
      ) : (
        <RulePast
          draft={draft}
          against={rule === null || OF_DEVICE.has(rule.condition.type) ? null : tried(rule)}
          refused={form.say}
          span={(low, high) => setMeasured([low, high])}
        />
      )}
      {Rest()}
      <div class="row">
        <button type="submit" class="button primary" disabled={form.busy}>
          {rule ? "Save rule" : "Create rule"}
        </button>
        <button type="button" class="button" onClick={() => done(null)}>
          Cancel
        </button>
      </div>
    </form>
  );
}
