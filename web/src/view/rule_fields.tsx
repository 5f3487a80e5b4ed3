// The fields of a condition, by its kind, with the unit of what it watches beside each limit.

import { limitUnit, PART, PARTS, stateOf, typed, type Fields, type PartFields } from "../condition";
import type { Op, SensorCondition } from "../types";
import { Field } from "./controls";

interface Props {
  fields: Fields;
  set: (fields: Fields) => void;
  /** Units of a sensor by its name, of what the rule watches without. */
  unitsOf: (sensor: string) => readonly string[];
  at: (field: string) => string | undefined;
}

/** The fields of a condition's kind. Called, not mounted: the form has to know which fields there are. */
export function ruleFields({ fields, set, unitsOf, at }: Props, sensor = ""): preact.JSX.Element | null {
  const { unit, mixed } = limitUnit(fields, unitsOf(sensor));
  switch (fields.type) {
    case "threshold": {
      const { field, number, direction } = of("threshold", fields, set, at);
      return (
        <>
          <Field label="Direction">{direction(fields.threshold.op)}</Field>
          {field("value", { label: "Limit", unit, hint: mixed }, number("value", true))}
          {field("clear", { label: "Resolves at", unit, hint: "optional, default: the limit" }, number("clear", false))}
        </>
      );
    }
    case "rate": {
      const { field, number, span, direction } = of("rate", fields, set, at);
      return (
        <>
          <Field label="Direction" hint="use a negative limit for falling values">
            {direction(fields.rate.op)}
          </Field>
          {field(
            "value",
            { label: "Limit", unit, hint: mixed ?? (unit === "" ? `change per ${fields.rate.per}` : null) },
            number("value", true),
          )}
          {field("per", { label: "Per", hint: "1s, 60s, 1h" }, span("per"))}
          {field("over", { label: "Measured over", hint: "5s to 7d" }, span("over"))}
          {field("clear", { label: "Resolves at", unit, hint: "optional, default: the limit" }, number("clear", false))}
        </>
      );
    }
    case "increase": {
      const { field, number, span, direction } = of("increase", fields, set, at);
      return (
        <>
          <Field label="Direction">{direction(fields.increase.op)}</Field>
          {field("value", { label: "Limit", unit, hint: mixed ?? `in ${fields.increase.over}` }, number("value", true))}
          {field("over", { label: "Within", hint: "5s to 7d" }, span("over"))}
          {field("clear", { label: "Resolves at", unit, hint: "optional, default: the limit" }, number("clear", false))}
        </>
      );
    }
    case "deviation": {
      const { field, number, span } = of("deviation", fields, set, at);
      return (
        <>
          {field(
            "sigmas",
            { label: "Deviations", hint: "standard deviations from the mean, either side" },
            number("sigmas", true),
          )}
          {field("over", { label: "Of the last", hint: "5s to 7d" }, span("over"))}
          {field("least", { label: "And more than", unit, hint: "empty: anything" }, number("least", false))}
          {field(
            "clear",
            { label: "Resolves within", hint: "deviations; optional, default: the same" },
            number("clear", false),
          )}
        </>
      );
    }
    case "average":
    case "minimum":
    case "maximum": {
      const { field, number, span, direction } = of(fields.type, fields, set, at);
      return (
        <>
          <Field label="Direction">{direction(fields[fields.type].op)}</Field>
          {field("value", { label: "Limit", unit, hint: mixed }, number("value", true))}
          {field("over", { label: "Over the last", hint: "5s to 7d" }, span("over"))}
          {field("clear", { label: "Resolves at", unit, hint: "optional, default: the limit" }, number("clear", false))}
        </>
      );
    }
    case "stuck": {
      const { field, number, span } = of("stuck", fields, set, at);
      return (
        <>
          {field(
            "least",
            { label: "Stays within", unit, hint: mixed ?? "highest minus lowest reading; 0: exactly the same" },
            number("least", true),
          )}
          {field("after", { label: "For longer than", hint: "5s to 7d; silence does not count" }, span("after"))}
        </>
      );
    }
    case "seasonal": {
      const { field, number } = of("seasonal", fields, set, at);
      return (
        <>
          {field(
            "sigmas",
            { label: "Deviations", hint: "of the last hour from this time of day (UTC) in the last 14 days" },
            number("sigmas", true),
          )}
          {field("least", { label: "And more than", unit, hint: "empty: anything" }, number("least", false))}
          {field(
            "clear",
            { label: "Resolves within", hint: "deviations; optional, default: the same" },
            number("clear", false),
          )}
        </>
      );
    }
    case "difference": {
      const { field, name, number, span, direction } = of("difference", fields, set, at);
      return (
        <>
          {field("other", { label: "Minus the sensor", hint: "its name, on the same device" }, name("other"))}
          <Field label="Direction" hint="use a negative limit for less than the other">
            {direction(fields.difference.op)}
          </Field>
          {field("value", { label: "Limit", unit, hint: mixed }, number("value", true))}
          {field("within", { label: "Other no older than", hint: "1s to 7d" }, span("within"))}
          {field("clear", { label: "Resolves at", unit, hint: "optional, default: the limit" }, number("clear", false))}
        </>
      );
    }
    case "all":
    case "any":
      return parts(fields.type, { fields, set, unitsOf, at });
    case "forecast": {
      const { field, number, span, direction } = of("forecast", fields, set, at);
      return (
        <>
          <Field label="Direction">{direction(fields.forecast.op)}</Field>
          {field("value", { label: "Reaches", unit, hint: mixed }, number("value", true))}
          {field("within", { label: "Within", hint: "1m to 30d" }, span("within"))}
          {field("over", { label: "By the line of the last", hint: "5s to 7d" }, span("over"))}
          {field(
            "clear",
            { label: "Resolves short of", unit, hint: "optional, default: the limit" },
            number("clear", false),
          )}
        </>
      );
    }
    case "count":
      return counted({ fields, set, unitsOf, at });
    case "silence": {
      const { field, span } = of("silence", fields, set, at);
      return field("after", { label: "For longer than", hint: "1s to 30d" }, span("after"));
    }
    case "offline": {
      const { field, span } = of("offline", fields, set, at);
      return field(
        "after",
        { label: "For longer than", hint: "10s to 30d, and three of its intervals" },
        span("after"),
      );
    }
    case "source_failing":
      return null;
    case "clock_off": {
      const { field, span } = of("clock_off", fields, set, at);
      return field("by", { label: "By more than", hint: "1s to 30d, either side" }, span("by"));
    }
  }
}

/** Conditions about one sensor, in the order in which they are offered; silence is for a whole rule only. */
const OF_SENSOR: Readonly<Record<Exclude<SensorCondition["type"], "silence">, string>> = {
  threshold: "crosses a limit",
  rate: "changes too fast",
  increase: "grows too much",
  average: "is on average beyond a limit",
  minimum: "has a lowest value beyond a limit",
  maximum: "has a highest value beyond a limit",
  deviation: "is unusual",
  seasonal: "is unusual for the time of day",
  stuck: "stands still",
  forecast: "will reach a limit",
};

/** Conditions about one sensor, to choose from. */
export function OfSensor() {
  return (
    <>
      {Object.entries(OF_SENSOR).map(([type, says]) => (
        <option key={type} value={type}>
          {says}
        </option>
      ))}
    </>
  );
}

/** How many devices are in a state, and the state. */
function counted({ fields, set, unitsOf, at }: Props) {
  const { field, number } = of("count", fields, set, at);
  const state = stateOf(fields);
  const write = (next: Partial<Fields["count"]>) => set({ ...fields, count: { ...fields.count, ...next } });
  return (
    <>
      <Field label="On" problem={at("condition.op")}>
        <select
          class="input"
          value={fields.count.op}
          onChange={(event) => write({ op: event.currentTarget.value as Op })}
        >
          <option value=">=">at least</option>
          <option value="<=">at most</option>
        </select>
      </Field>
      {field("value", { label: "Devices", hint: "of all that the rule is about" }, number("value", true))}
      {field("clear", { label: "Resolves at", hint: "optional, default: the number" }, number("clear", false))}
      <fieldset class="part">
        <legend>What is so on each of them</legend>
        <div class="form-grid">
          <Field label="The value" problem={at("condition.condition.type")}>
            <select
              class="input of-words"
              value={state.type}
              onChange={(event) => write({ state: { ...state, type: event.currentTarget.value as Fields["type"] } })}
            >
              <option value="silence">stops arriving</option>
              <OfSensor />
            </select>
          </Field>
          {ruleFields({
            fields: state,
            set: (next) => write({ state: next }),
            unitsOf,
            at: (name) => at(name.replace(/^condition/, "condition.condition")),
          })}
        </div>
      </fieldset>
    </>
  );
}

/** Several conditions, each with its own sensor and fields. */
function parts(type: "all" | "any", { fields, set, unitsOf, at }: Props) {
  const { field, span } = of(type, fields, set, at);
  const all = fields[type].parts;
  const write = (parts: readonly PartFields[]) => set({ ...fields, [type]: { ...fields[type], parts } });
  const change = (place: number, part: PartFields) => write(all.map((one, n) => (n === place ? part : one)));
  return (
    <>
      {field("within", { label: "Readings no older than", hint: "an older one is not known" }, span("within"))}
      {all.map((part, place) => (
        <fieldset class="part" key={`${type} ${place}`}>
          <legend>
            {place + 1}. {type === "all" ? "must be true" : "may be true"}
          </legend>
          <div class="form-grid">
            <Field
              label="Sensor"
              hint="empty: the sensor of the rule"
              problem={at(`condition.parts[${place}].sensor`) ?? (place === 0 ? at("condition.parts") : undefined)}
            >
              <input
                class="input"
                list="rule-sensors"
                value={part.sensor}
                onInput={(event) => change(place, { ...part, sensor: event.currentTarget.value })}
              />
            </Field>
            <Field label="True when the value" problem={at(`condition.parts[${place}].condition.type`)}>
              <select
                class="input of-words"
                value={part.fields.type}
                onChange={(event) =>
                  change(place, {
                    ...part,
                    fields: { ...part.fields, type: event.currentTarget.value as Fields["type"] },
                  })
                }
              >
                <OfSensor />
              </select>
            </Field>
            {ruleFields(
              {
                fields: part.fields,
                set: (fields) => change(place, { ...part, fields }),
                unitsOf,
                at: (field) => at(`condition.parts[${place}].${field}`),
              },
              part.sensor.trim(),
            )}
          </div>
          {all.length > PARTS.least ? (
            <button type="button" class="button small" onClick={() => write(all.filter((_, n) => n !== place))}>
              Remove
            </button>
          ) : null}
        </fieldset>
      ))}
      {all.length < PARTS.most ? (
        <button type="button" class="button small add-part" onClick={() => write([...all, PART])}>
          Add a condition
        </button>
      ) : null}
    </>
  );
}

interface About {
  label: string;
  unit?: string;
  hint: string | null;
}

/** The controls of one kind: each reads and writes a field of this kind only. */
function of<K extends Fields["type"]>(type: K, fields: Fields, set: Props["set"], at: Props["at"]) {
  type Key = keyof Fields[K] & string;
  const now = fields[type];
  const write = (key: string, text: string) => set({ ...fields, [type]: typed(now, key, text) });
  const shared = (key: Key) => ({
    class: "input",
    value: now[key] as string,
    onInput: (event: { currentTarget: HTMLInputElement }) => write(key, event.currentTarget.value),
  });
  return {
    field: (key: Key, { label, unit, hint }: About, control: preact.JSX.Element) => (
      <Field label={label} unit={unit} hint={hint ?? undefined} problem={at(`condition.${key}`)} key={`${type} ${key}`}>
        {control}
      </Field>
    ),
    number: (key: Key, needed: boolean) => (
      <input {...shared(key)} required={needed} inputMode="decimal" type="number" step="any" />
    ),
    name: (key: Key) => <input {...shared(key)} required list="rule-sensors" />,
    span: (key: Key) => <input {...shared(key)} required />,
    direction: (op: Op) => (
      <select class="input" value={op} onChange={(event) => write("op", event.currentTarget.value)}>
        <option value=">">above</option>
        <option value=">=">at or above</option>
        <option value="<">below</option>
        <option value="<=">at or below</option>
      </select>
    ),
  };
}
