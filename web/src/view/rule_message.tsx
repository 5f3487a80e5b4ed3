// The words of a rule, as templates, and what people would be told with them, of what really happened: live while it is
// typed.

import { useEffect, useState } from "preact/hooks";
import { reason } from "../actions/answer";
import * as api from "../api";
import { state } from "../app";
import { clean, when } from "../format";
import { title } from "../names";
import { sentence } from "../sentence";
import type { RulePreview } from "../types";
import type { Wrong } from "../wrong";
import { Field } from "./controls";

/** Typing settles before the hub is asked. */
const SETTLE_MS = 400;

/** What is typed; empty for the hub's own words. */
interface MessageFields {
  title: string;
  text: string;
}

export const messageFields = (message: { title?: string | null; text?: string | null } | null): MessageFields => ({
  title: message?.title ?? "",
  text: message?.text ?? "",
});

/** As the hub takes it. */
export function messageOf({ title, text }: MessageFields): { title: string | null; text: string | null } | null {
  const given = (one: string) => (one.trim() === "" ? null : one);
  return given(title) === null && given(text) === null ? null : { title: given(title), text: given(text) };
}

const NAMES = [
  "device",
  "sensor",
  "value_text",
  "threshold_text",
  "value",
  "unit",
  "labels.site",
  "tags.team",
  "severity",
  "since",
  "lasted",
  "event",
  "text",
];

export function RuleMessage({
  fields,
  set,
  problems,
  id,
  draft,
  refused,
}: {
  fields: MessageFields;
  set: (fields: MessageFields) => void;
  /** What is wrong with either. */
  problems: { title: string | undefined; text: string | undefined };
  /** The rule that is changed, if it is there already. */
  id: string | null;
  draft: api.UnnamedRule | null;
  refused: (wrong: Wrong) => void;
}) {
  const [open, setOpen] = useState(fields.title !== "" || fields.text !== "");
  const said = usePreview(open ? draft : null, id, refused);
  return (
    <details
      class="preview whole"
      open={open || problems.title !== undefined || problems.text !== undefined}
      onToggle={(toggled) => setOpen(toggled.currentTarget.open)}
    >
      <summary>What people are told</summary>
      <div class="stack tight">
        <p class="small quiet">
          Empty: the hub&apos;s own words. In double braces stand {NAMES.join(", ")} and more, as in{" "}
          <code>{"{{ device }} is at {{ value_text }}"}</code>.
        </p>
        <Field
          label="Title"
          hint="said when it fires; what else happens is in the hub’s own words, unless it asks for event"
          problem={problems.title}
        >
          <input
            class="input"
            maxLength={300}
            spellcheck={false}
            placeholder="{{ device }} is too warm: {{ value_text }}"
            value={fields.title}
            onInput={(event) => set({ ...fields, title: event.currentTarget.value })}
          />
        </Field>
        <Field
          label="Text"
          hint="said when it fires; with {% if event == 'resolved' %} also when it is over"
          problem={problems.text}
        >
          <textarea
            class="input"
            rows={3}
            maxLength={4000}
            spellcheck={false}
            placeholder="{{ text }} Call the caretaker of {{ labels.site }}."
            value={fields.text}
            onInput={(event) => set({ ...fields, text: event.currentTarget.value })}
          />
        </Field>
        {draft === null ? (
          <p class="small quiet">Once the fields above are complete, this shows the message.</p>
        ) : said === null ? null : typeof said === "string" ? (
          <p class="small bad-text" role="status">
            There is no preview: {said}
          </p>
        ) : said.of === "nothing" ? (
          <p class="small quiet">Nothing is there that this rule watches: there is nothing to show a message of.</p>
        ) : (
          <Said of={said} />
        )}
      </div>
    </details>
  );
}

function Said({ of }: { of: RulePreview }) {
  const about = `${clean(of.device_name ?? "")}${of.sensor === null ? "" : ` ${title(of.sensor)}`}`;
  const at = of.at === null ? "" : `, ${when(Date.parse(of.at), state.value.now)}`;
  return (
    <div class="note said" role="status">
      <p class="small quiet">
        {of.of === "alert" ? "Of its newest alert" : "As if it fired"}: {about}
        {at}
      </p>
      {of.messages.map((one) => (
        <div key={one.event} class="said-one">
          <p class="small quiet">{one.event === "alert.resolved" ? "When it is over" : "When it fires"}</p>
          <strong>{one.title}</strong>
          <p class="lines">{one.text}</p>
          {one.template_error === null ? null : (
            <p class="problem small">In the hub&apos;s own words, because of the {one.template_error}</p>
          )}
        </div>
      ))}
    </div>
  );
}

/** What people would be told, or why that is not known; null while there is nothing to say. */
function usePreview(
  draft: api.UnnamedRule | null,
  id: string | null,
  refused: (wrong: Wrong) => void,
): RulePreview | string | null {
  const [said, say] = useState<RulePreview | string | null>(null);
  // By its text: the draft is a new object each time.
  const asked = draft === null ? null : JSON.stringify({ ...draft, webhooks: [] });
  useEffect(() => {
    let current = true;
    if (asked === null) return say(null);
    const ask = () =>
      api.rules.preview(JSON.parse(asked) as api.UnnamedRule, id).then(
        (answer) => current && say(answer),
        (error: unknown) => {
          if (!current) return;
          const field = error instanceof api.Refused ? error.problem?.field : undefined;
          say(field ? null : sentence(reason(error)));
          if (field) refused({ field: field.replace(/^rule\./, ""), problem: sentence(reason(error)) });
        },
      );
    const timer = setTimeout(ask, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [asked, id]);
  return said;
}
