// A rule for a topic that nobody understands: whose reading its messages are, or that they are none.

import { useState } from "preact/hooks";
import * as api from "../api";
import { guess } from "../door";
import type { NewTopicRule, UnreadTopic } from "../types";
import { Field } from "./controls";
import { useForm } from "./form";

const FIELDS = [
  ["topic", "Topic", "+ is any level, # the rest"],
  ["device", "Device", "{2} is the second level of the topic"],
  ["sensor", "Sensor", "{/id} is what stands there in the JSON"],
  ["value", "Value in the JSON", "/data/0/temperature; empty: the whole message"],
  ["on", "Text for 1", "open"],
  ["off", "Text for 0", "closed"],
] as const;

export function TopicRuleForm({ topic, done }: { topic: UnreadTopic; done: () => void }) {
  const [rule, setRule] = useState(() => guess(topic.topic, topic.payload));
  const [unit, setUnit] = useState("");
  const { at, Rest, ...form } = useForm([rule, unit]);
  const save = (wanted: NewTopicRule) => async () => {
    await api.doors.addRule(wanted);
    done();
  };
  const words = rule.on !== "" || rule.off !== "" ? { on: rule.on, off: rule.off } : {};
  const reading = { topic: rule.topic, device: rule.device, sensor: rule.sensor, value: rule.value, ...words };
  return (
    <form
      class="form"
      onSubmit={(event) => form.send(event, save({ ...reading, ...(unit === "" ? {} : { unit }), ignore: false }))}
    >
      <div class="form-grid">
        {FIELDS.map(([name, label, hint]) => (
          <Field key={name} label={label} problem={at(name)}>
            <input
              class="input"
              autocomplete="off"
              spellcheck={false}
              placeholder={hint}
              value={rule[name]}
              onInput={(event) => setRule({ ...rule, [name]: event.currentTarget.value })}
            />
          </Field>
        ))}
        <Field label="Unit" problem={at("unit")}>
          <input class="input" value={unit} onInput={(event) => setUnit(event.currentTarget.value)} />
        </Field>
      </div>
      {Rest()}
      <div class="row">
        <button type="submit" class="button primary" disabled={form.busy}>
          Save rule
        </button>
        <button
          type="button"
          class="button"
          disabled={form.busy}
          onClick={(event) => form.send(event, save({ topic: rule.topic, ignore: true }))}
        >
          Ignore this topic
        </button>
      </div>
    </form>
  );
}
