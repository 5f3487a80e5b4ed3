// How well a device is heard, as one sentence that opens into its numbers; by itself when something is wrong.

import { useEffect, useState } from "preact/hooks";
import { loadDevice } from "../../actions/devices";
import { state } from "../../app";
import { gauges, verdict } from "../../health";
import { standing } from "../../standing";
import { lastHeard } from "../../state";
import type { Device } from "../../types";

/** The stream tells what a device is, not each of its numbers: while they are looked at they are asked for. */
const OPEN_EVERY_MS = 5_000;

export function HealthLine({ device }: { device: Device }) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (!isOpen) return;
    // A question that fails is asked again; that the hub does not answer is told elsewhere.
    const ask = () => document.visibilityState === "visible" && void loadDevice(device.id).catch(() => {});
    ask();
    const timer = setInterval(ask, OPEN_EVERY_MS);
    return () => clearInterval(timer);
  }, [isOpen, device.id]);
  const stands = standing(state.value, device);
  const told = verdict(device.link, stands, lastHeard(state.value, device), state.value.now);
  return (
    <details
      class={`health-line ${told.level || "good"}`}
      open={told.level === "amber" || told.level === "red"}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
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
