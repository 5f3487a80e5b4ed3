// A maintenance evening in one form: over whom nobody is notified, from when, for how long, and why.

import { useState } from "preact/hooks";
import * as api from "../api";
import { loadSilences } from "../actions/loading";
import { part } from "../app";
import { clean } from "../format";
import { SILENCES, silenceOf, WEEKLY_FOR } from "../silence";
import { Field } from "./controls";
import { useForm } from "./form";
import { LabelPicker } from "./label_picker";
import { WeeklyFields } from "./weekly_fields";
import "./forms.css";

const devices = part((s) => s.devices);
const rules = part((s) => s.rules);

export function SilenceForm({ done }: { done: () => void }) {
  const [typed, setTyped] = useState({
    rule: "",
    device: "*",
    sensor: "*",
    labels: {} as Record<string, string>,
    from: "",
    span: "1h",
    until: "",
    weekly: null as { days: string[]; from: string; until: string } | null,
    comment: "",
  });
  const { at, Rest, ...form } = useForm(typed);
  const set = (change: Partial<typeof typed>) => setTyped({ ...typed, ...change });
  const submit = (event: Event) => {
    event.preventDefault();
    const asked = silenceOf(typed);
    if ("problem" in asked) return form.say(asked);
    form.send(event, async () => {
      await api.silences.create(asked);
      await loadSilences();
      done();
    });
  };
  const known = Object.values(devices.value ?? {}).filter((one) => one.status === "online" || one.status === "offline");
  return (
    <form class="card form" onSubmit={submit} aria-labelledby="silence-form">
      <div>
        <h2 id="silence-form">New silence</h2>
        <p class="small quiet">
          Alerts are shown as always, but nobody is notified. Alerts that are still firing when it ends are notified
          then.
        </p>
      </div>
      <div class="form-grid">
        <Field label="Rule" problem={at("rule")}>
          <select class="input" value={typed.rule} onChange={(event) => set({ rule: event.currentTarget.value })}>
            <option value="">every rule</option>
            {(rules.value ?? []).map((rule) => (
              <option key={rule.id} value={rule.id}>
                {clean(rule.name)}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Device" hint="* stands for any text" problem={at("device")}>
          <input
            class="input"
            required
            list="silence-devices"
            value={typed.device}
            onInput={(event) => set({ device: event.currentTarget.value })}
          />
        </Field>
        <LabelPicker devices={known} labels={typed.labels} set={(labels) => set({ labels })} />
        <Field label="Sensor" hint="* stands for any text" problem={at("sensor")}>
          <input
            class="input"
            required
            value={typed.sensor}
            onInput={(event) => set({ sensor: event.currentTarget.value })}
          />
        </Field>
        <datalist id="silence-devices">
          <option value="*" />
          {known.slice(0, 200).map((one) => (
            <option key={one.id} value={one.name} />
          ))}
        </datalist>
      </div>
      <div class="form-grid">
        <Field label="From" hint="empty: now" problem={at("from")}>
          <input
            class="input"
            type="datetime-local"
            value={typed.from}
            onInput={(event) => set({ from: event.currentTarget.value })}
          />
        </Field>
        <Field label="For" problem={typed.span === "" ? undefined : at("until", "for")}>
          <select class="input" value={typed.span} onChange={(event) => set({ span: event.currentTarget.value })}>
            {(typed.weekly === null ? SILENCES : WEEKLY_FOR).map(([span, label]) => (
              <option key={span} value={span}>
                {label}
              </option>
            ))}
            <option value="">until a time…</option>
          </select>
        </Field>
        {typed.span === "" ? (
          <Field label="Until" problem={at("until", "for")}>
            <input
              class="input"
              required
              type="datetime-local"
              value={typed.until}
              onInput={(event) => set({ until: event.currentTarget.value })}
            />
          </Field>
        ) : null}
        <Field label="Comment" hint="why; optional" problem={at("comment")}>
          <input
            class="input"
            maxLength={250}
            value={typed.comment}
            onInput={(event) => set({ comment: event.currentTarget.value })}
          />
        </Field>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={typed.weekly !== null}
          onChange={(event) =>
            set(
              event.currentTarget.checked
                ? { weekly: { days: ["sat", "sun"], from: "22:00", until: "06:00" }, span: "365d" }
                : { weekly: null, span: "1h" },
            )
          }
        />
        Only in some hours of each week
      </label>
      {typed.weekly === null ? null : (
        <WeeklyFields name="weekly" of={typed.weekly} at={at} set={(weekly) => set({ weekly })} />
      )}
      {Rest()}
      <div class="row">
        <button type="submit" class="button primary" disabled={form.busy}>
          Create silence
        </button>
        <button type="button" class="button" onClick={done}>
          Cancel
        </button>
      </div>
    </form>
  );
}
