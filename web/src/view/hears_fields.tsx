// Of which alerts a webhook is told, when, and how often.

import { part } from "../app";
import { NIGHTS, REPEATS, SEVERITIES, type Hears } from "../hears";
import { zone } from "../zone";
import { Field } from "./controls";
import { LabelPicker } from "./label_picker";
import { WeeklyFields } from "./weekly_fields";

const devices = part((s) => s.devices);

export function HearsFields({
  of,
  tags,
  setTags,
  at,
  set,
}: {
  of: Hears;
  /** As they are typed. */
  tags: string;
  setTags: (tags: string) => void;
  at: (...fields: string[]) => string | undefined;
  set: (change: Partial<Hears>) => void;
}) {
  const quiet = of.quiet_hours;
  const every = of.repeat_every ?? "";
  const repeats = REPEATS.some(([one]) => one === every)
    ? REPEATS
    : [...REPEATS, [every, `Again every ${every}`] as const];
  return (
    <fieldset class="stack tight">
      <legend>Which alerts, and when</legend>
      <div class="form-grid">
        <Field label="How bad" problem={at("least_severity")}>
          <select
            class="input"
            value={of.least_severity}
            onChange={(event) => set({ least_severity: event.currentTarget.value as Hears["least_severity"] })}
          >
            {SEVERITIES.map(([one, label]) => (
              <option key={one} value={one}>
                {label}
              </option>
            ))}
          </select>
        </Field>
        <Field label="While an alert fires" hint="until somebody acknowledges it" problem={at("repeat_every")}>
          <select
            class="input"
            value={every}
            onChange={(event) => set({ repeat_every: event.currentTarget.value || null })}
          >
            {repeats.map(([one, label]) => (
              <option key={one} value={one}>
                {label}
              </option>
            ))}
          </select>
        </Field>
        <LabelPicker
          devices={Object.values(devices.value ?? {})}
          labels={of.labels}
          set={(labels) => set({ labels })}
        />
        <Field label="Only rules with tags" hint="team=x, separated by commas; empty: any" problem={at("tags")}>
          <input class="input" value={tags} onInput={(event) => setTags(event.currentTarget.value)} />
        </Field>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={quiet !== null && quiet !== undefined}
          onChange={(event) =>
            set({
              quiet_hours: event.currentTarget.checked ? { ...NIGHTS, zone: zone(), critical_passes: true } : null,
            })
          }
        />
        Quiet hours: what fires then waits until they end, and is told if it still fires
      </label>
      {quiet ? (
        <>
          <WeeklyFields
            name="quiet_hours"
            of={quiet}
            {...(quiet.zone ? { in: quiet.zone } : {})}
            at={at}
            set={(hours) => set({ quiet_hours: { ...quiet, ...hours } })}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={quiet.critical_passes ?? true}
              onChange={(event) => set({ quiet_hours: { ...quiet, critical_passes: event.currentTarget.checked } })}
            />
            Critical alerts are sent all the same
          </label>
        </>
      ) : null}
    </fieldset>
  );
}
