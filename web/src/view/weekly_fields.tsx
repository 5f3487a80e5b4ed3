// Hours of the week to choose: for a silence, or the quiet hours of a webhook.

import { DAYS } from "../weekly";
import { zone } from "../zone";
import { Field } from "./controls";

export type Hours = { days: string[]; from: string; until: string };

/** Days and hours that come again each week, in a time zone: that which the page shows, unless another is named. */
export function WeeklyFields({
  name,
  of,
  in: place = zone(),
  at,
  set,
}: {
  /** The field that they are for the hub. */
  name: string;
  of: Hours;
  in?: string;
  at: (...fields: string[]) => string | undefined;
  set: (of: Hours) => void;
}) {
  const toggle = (day: string) =>
    set({ ...of, days: of.days.includes(day) ? of.days.filter((one) => one !== day) : [...of.days, day] });
  const problem = at(`${name}.days`);
  return (
    <div class="form-grid">
      <fieldset>
        <legend>Days on which it begins</legend>
        <div class="row">
          {DAYS.map(([day, label]) => (
            <label class="check" key={day}>
              <input type="checkbox" checked={of.days.includes(day)} onChange={() => toggle(day)} />
              {label}
            </label>
          ))}
        </div>
        {problem ? <p class="problem">{problem}</p> : null}
      </fieldset>
      <Field label="Begins" hint={place} problem={at(`${name}.from`)}>
        <input
          class="input"
          type="time"
          required
          value={of.from}
          onInput={(event) => set({ ...of, from: event.currentTarget.value })}
        />
      </Field>
      <Field label="Ends" hint="the next day, if not later" problem={at(`${name}.until`, `${name}.zone`)}>
        <input
          class="input"
          type="time"
          required
          value={of.until}
          onInput={(event) => set({ ...of, until: event.currentTarget.value })}
        />
      </Field>
    </div>
  );
}
