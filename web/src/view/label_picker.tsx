// Labels that devices must have, chosen from those there are: for a rule or a silence over "all of site=south".

import { clean } from "../format";
import type { Device } from "../types";
import { Field } from "./controls";

/** A list longer than this is read by nobody. */
const OFFERED = 200;

export function LabelPicker({
  devices,
  labels,
  set,
}: {
  devices: readonly Device[];
  labels: Record<string, string>;
  set: (labels: Record<string, string>) => void;
}) {
  const pairs = new Map<string, [string, string]>();
  for (const device of devices) {
    for (const [key, value] of Object.entries(device.labels))
      if (labels[key] === undefined) pairs.set(`${key}=${value}`, [key, value]);
  }
  const chosen = Object.entries(labels);
  if (pairs.size === 0 && chosen.length === 0) return null;
  const offered = [...pairs].sort(([a], [b]) => a.localeCompare(b)).slice(0, OFFERED);
  const without = (key: string) => Object.fromEntries(chosen.filter(([one]) => one !== key));
  return (
    <div class="stack tight">
      <Field label="Only with label">
        <select
          class="input"
          value=""
          disabled={offered.length === 0}
          onChange={(event) => {
            const pair = pairs.get(event.currentTarget.value);
            if (pair) set({ ...labels, [pair[0]]: pair[1] });
          }}
        >
          <option value="">{chosen.length === 0 ? "any" : offered.length === 0 ? "no other" : "add another"}</option>
          {offered.map(([text]) => (
            <option key={text} value={text}>
              {clean(text)}
            </option>
          ))}
        </select>
      </Field>
      {chosen.length > 0 ? (
        <div class="row">
          {chosen.map(([key, value]) => (
            <button
              type="button"
              class="chip take-away"
              key={key}
              aria-label={`Without label ${clean(key)}=${clean(value)}`}
              onClick={() => set(without(key))}
            >
              {clean(key)}={clean(value)} <span aria-hidden="true">×</span>
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}
