// A body and headers of a person's own, as templates: only of the generic kind. What they make is in the preview below.

import { useState } from "preact/hooks";
import type { Webhook } from "../types";
import { Field } from "./controls";

type Sent = NonNullable<Webhook["template"]>;

/** What is typed; empty for the hub's own JSON. */
interface TemplateFields {
  contentType: string;
  body: string;
  headers: readonly { name: string; value: string }[];
  /** The secret that templates may name; nothing typed keeps the one that is stored. */
  token: string;
}

export const templateFields = (template: Sent | null): TemplateFields => ({
  contentType: template?.content_type ?? "",
  body: template?.body ?? "",
  headers: Object.entries(template?.headers ?? {}).map(([name, value]) => ({ name, value })),
  token: "",
});

/** As the hub takes it. */
export function templateOf({ contentType, body, headers }: TemplateFields): Sent | null {
  const named = headers.filter(({ name, value }) => name.trim() !== "" || value !== "");
  if (body.trim() === "" && named.length === 0 && contentType.trim() === "") return null;
  return {
    content_type: contentType.trim() === "" ? null : contentType.trim(),
    body: body.trim() === "" ? null : body,
    headers: Object.fromEntries(named.map(({ name, value }) => [name.trim(), value])),
  };
}

export function WebhookTemplate({
  fields,
  set,
  problems,
  hasToken,
}: {
  fields: TemplateFields;
  set: (fields: TemplateFields) => void;
  /** What is wrong, by field. */
  problems: Readonly<Record<string, string | undefined>>;
  /** Whether there is a stored secret. */
  hasToken: boolean;
}) {
  const [open, setOpen] = useState(fields.body !== "" || fields.headers.length > 0);
  const row = (index: number, change: { name: string; value: string } | null) =>
    set({
      ...fields,
      headers:
        change === null
          ? fields.headers.filter((_, i) => i !== index)
          : fields.headers.map((one, i) => (i === index ? change : one)),
    });
  return (
    <details
      class="preview whole"
      open={open || Object.values(problems).some((one) => one !== undefined)}
      onToggle={(toggled) => setOpen(toggled.currentTarget.open)}
    >
      <summary>A body of your own</summary>
      <div class="stack tight">
        <p class="small quiet">
          Empty: the hub&apos;s own JSON. In double braces stand title, text, event, device, sensor, value, severity,
          labels.site, tags.team, url, alert.id and more; texts in JSON as <code>{"{{ title|tojson }}"}</code>.
        </p>
        <Field label="Body" problem={problems.body}>
          <textarea
            class="input mono"
            rows={6}
            maxLength={16384}
            spellcheck={false}
            placeholder={'{"text": {{ title|tojson }}, "level": {{ severity|tojson }}}'}
            value={fields.body}
            onInput={(event) => set({ ...fields, body: event.currentTarget.value })}
          />
        </Field>
        <div class="form-grid">
          <Field label="Content type" hint="empty: JSON" problem={problems.content_type}>
            <input
              class="input"
              maxLength={100}
              spellcheck={false}
              placeholder="text/plain; charset=utf-8"
              value={fields.contentType}
              onInput={(event) => set({ ...fields, contentType: event.currentTarget.value })}
            />
          </Field>
          <Field label="Secret" hint="in templates as {{ token }}; never shown again" problem={problems.token}>
            <input
              class="input"
              maxLength={512}
              autocomplete="off"
              spellcheck={false}
              placeholder={hasToken ? "stored; type to replace it" : ""}
              value={fields.token}
              onInput={(event) => set({ ...fields, token: event.currentTarget.value })}
            />
          </Field>
        </div>
        {fields.headers.map((one, i) => (
          <div class="header-row" key={i}>
            <input
              class="input"
              aria-label={`Name of written header ${i + 1}`}
              placeholder="X-Priority"
              value={one.name}
              onInput={(event) => row(i, { ...one, name: event.currentTarget.value })}
            />
            <input
              class="input"
              aria-label={`Template of header ${i + 1}`}
              placeholder="{{ 5 if severity == 'critical' else 3 }}"
              spellcheck={false}
              value={one.value}
              onInput={(event) => row(i, { ...one, value: event.currentTarget.value })}
            />
            <button
              type="button"
              class="button plain"
              aria-label={`Remove written header ${one.name || i + 1}`}
              onClick={() => row(i, null)}
            >
              Remove
            </button>
            {problems[`headers.${one.name.trim()}`] === undefined ? null : (
              <p class="problem" role="alert">
                {problems[`headers.${one.name.trim()}`]}
              </p>
            )}
          </div>
        ))}
        <div class="row">
          <button
            type="button"
            class="button"
            onClick={() => set({ ...fields, headers: [...fields.headers, { name: "", value: "" }] })}
          >
            Add a header by template
          </button>
        </div>
      </div>
    </details>
  );
}
