// How well a device is heard, as one sentence that opens into its numbers; by itself when something is wrong.

import { state } from "../../app";
import { gauges, verdict } from "../../health";
import { standing } from "../../standing";
import { lastHeard } from "../../state";
import type { Device } from "../../types";

export function HealthLine({ device }: { device: Device }) {
  const stands = standing(state.value, device);
  const told = verdict(device.link, stands, lastHeard(state.value, device), state.value.now);
  return (
    <details class={`health-line ${told.level || "good"}`} open={told.level === "amber" || told.level === "red"}>
      <summary>
        <i aria-hidden="true" />
        {told.text}
        {told.level === "amber" || told.level === "red" ? <span class="seen-by-readers"> ({told.level})</span> : null}
      </summary>
      <dl class="health" aria-label="Connection health">
        {gauges(device.link).map(({ name, value, level, hint, cure }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class={told.level === "off" ? "" : level}>
              {value}
              {level === "" ? null : <span class="seen-by-readers"> ({level})</span>}
              <small>{level !== "" && cure ? cure : hint}</small>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
