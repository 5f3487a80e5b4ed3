// The fields of a condition, by its kind, with the unit of what it watches beside each limit.

import { limitUnit, type Fields } from "../rule";
import type { Op } from "../types";
import { Field } from "./controls";

/** The fields of a condition's kind. */
export function RuleFields({ fields, set, units, at }: { fields: Fields; set: (fields: Fields) => void; units: readonly string[]; at: (field: string) => string | undefined }) {
  const { unit, mixed } = limitUnit(fields, units);
  const inUnit = (hint: string) => mixed ?? (unit === "" ? hint : undefined);
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
          <Field label="Limit" unit={unit} hint={mixed ?? undefined} problem={at("condition.value")}>{number("value", true)}</Field>
          <Field label="Resolves at" unit={unit} hint="optional, default: the limit" problem={at("condition.clear")}>{number("clear", false)}</Field>
        </>
      );
    case "rate":
      return (
        <>
          <Field label="Direction" hint="use a negative limit for falling values">{direction}</Field>
          <Field label="Limit" unit={unit} hint={inUnit(`change per ${fields.per}`)} problem={at("condition.value")}>{number("value", true)}</Field>
          <Field label="Per" hint="1s, 60s, 1h" problem={at("condition.per")}>{span("per")}</Field>
          <Field label="Measured over" hint="5s to 7d" problem={at("condition.over")}>{span("over")}</Field>
          <Field label="Resolves at" unit={unit} hint="optional, default: the limit" problem={at("condition.clear")}>{number("clear", false)}</Field>
        </>
      );
    case "increase":
      return (
        <>
          <Field label="Direction">{direction}</Field>
          <Field label="Limit" unit={unit} hint={mixed ?? `in ${fields.over}`} problem={at("condition.value")}>{number("value", true)}</Field>
          <Field label="Within" hint="5s to 7d" problem={at("condition.over")}>{span("over")}</Field>
          <Field label="Resolves at" unit={unit} hint="optional, default: the limit" problem={at("condition.clear")}>{number("clear", false)}</Field>
        </>
      );
    case "deviation":
      return (
        <>
          <Field label="Deviations" hint="standard deviations from the mean, either side" problem={at("condition.sigmas")}>{number("sigmas", true)}</Field>
          <Field label="Of the last" hint="5s to 7d" problem={at("condition.over")}>{span("over")}</Field>
          <Field label="And more than" unit={unit} hint="empty: anything" problem={at("condition.least")}>{number("least", false)}</Field>
          <Field label="Resolves within" hint="deviations; optional, default: the same" problem={at("condition.clear")}>{number("clear", false)}</Field>
        </>
      );
    case "silence":
      return <Field label="For longer than" hint="1s to 30d" problem={at("condition.after")}>{span("after")}</Field>;
  }
}
