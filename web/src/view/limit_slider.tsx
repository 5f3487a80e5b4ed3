// The limit of a rule as a slider over what was measured: the sentence and the chart below follow it.

import { limitOf } from "../format";
import { limitSpan } from "../limit_span";

interface Props {
  /** The limit as it is typed. */
  value: string;
  /** The lowest and the highest reading of the last day. */
  measured: readonly [number, number];
  unit: string;
  set: (value: string) => void;
}

export function LimitSlider({ value, measured, unit, set }: Props) {
  const limit = Number(value);
  const { from, to, step, decimals } = limitSpan(measured, value.trim() === "" || Number.isNaN(limit) ? null : limit);
  return (
    <label class="limit-slider">
      <span class="small quiet">Move it</span>
      <input
        type="range"
        min={from}
        max={to}
        step={step}
        value={Number.isNaN(limit) ? from : limit}
        aria-valuetext={limitOf(limit, unit)}
        onInput={(event) => set(String(Number(event.currentTarget.valueAsNumber.toFixed(decimals))))}
      />
      <output class="small">{Number.isNaN(limit) || value.trim() === "" ? "" : limitOf(limit, unit)}</output>
    </label>
  );
}
