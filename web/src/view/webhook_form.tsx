// A webhook to make or to change. The values of headers and of secret fields are credentials:
// what is stored never comes back, nothing typed keeps it.

import { useState } from "preact/hooks";
import { HIDDEN } from "../hidden";
import { headersChange, rowsOf, sameServer, type HeaderRow } from "../hook";
import { fieldsChange, fieldsPreviewed, guess, KINDS, kindOf, typedOf } from "../hook_kind";
import { ALL, type Hears } from "../hears";
import { readLabels, writeLabels } from "../labels";
import type { Webhook, WebhookKind, WebhookPatch } from "../types";
import { Field } from "./controls";
import { EchoOffer } from "./echo";
import { leaves, useForm } from "./form";
import { HearsFields } from "./hears_fields";
import { Preview } from "./webhook_preview";
import { templateFields, templateOf, WebhookTemplate } from "./webhook_template";
import "./forms.css";

/** What the form says: of a new webhook everything, of another one what changes. */
export interface Typed extends Hears {
  name: string;
  kind: WebhookKind;
  url: string;
  fields: Record<string, string | null>;
  headers: Record<string, string | null>;
  template: NonNullable<WebhookPatch["template"]> | null;
  past: boolean;
  for_new_rules: boolean;
}

function Problem({ of }: { of: string | undefined }) {
  return of === undefined ? null : (
    <p class="problem" role="alert">
      {of}
    </p>
  );
}

export function WebhookForm({
  hook,
  save,
  close,
}: {
  hook: Webhook | null;
  save: (typed: Typed) => Promise<void>;
  close: () => void;
}) {
  const [name, setName] = useState(hook?.name ?? "");
  /** What a person chose; null while nobody has. */
  const [chosen, choose] = useState<WebhookKind | null>(hook?.kind ?? null);
  const [url, setUrl] = useState(hook?.url ?? "");
  const [fields, setFields] = useState<Record<string, string>>(() => (hook ? typedOf(hook.kind, hook.fields) : {}));
  const [headers, setHeaders] = useState<HeaderRow[]>(() => rowsOf(hook?.headers ?? {}));
  const [past, setPast] = useState(hook?.past ?? true);
  const [forNewRules, setForNewRules] = useState(hook?.for_new_rules ?? false);
  const [written, write] = useState(() => templateFields(hook?.template ?? null));
  const [hears, setHears] = useState<Hears>(() => {
    const { least_severity, labels, tags, quiet_hours = null, repeat_every = null } = hook ?? ALL;
    return { least_severity, labels, tags, quiet_hours, repeat_every };
  });
  const [tags, setTags] = useState(writeLabels(hears.tags));
  // What is stored was chosen, and is not seen whole.
  const isStored = hook !== null && url === hook.url;
  const looks = isStored ? null : guess(url);
  const kind = chosen ?? looks ?? "generic";
  const about = kindOf(kind);
  // What is stored for one kind is not told another.
  const stored = hook?.kind === kind ? hook.fields : {};
  const isOther = hook !== null && (hook.kind !== kind || !sameServer(url.trim(), hook.url));
  const placeholder = isOther ? "type it again: the receiver is another" : "stored; type to replace it";
  // E-mail has none of HTTP.
  const sentHeaders = kind === "email" ? [] : headers;
  const { at, Rest, ...form } = useForm([name, kind, url, fields, headers, written, hears, tags]);
  const template = kind === "generic" ? templateOf(written) : null;
  const token: Record<string, string> =
    kind === "generic" && written.token.trim() !== "" ? { token: written.token.trim() } : {};
  const asked = {
    name: name.trim(),
    of: hook?.id ?? null,
    kind,
    url: url.trim(),
    fields: { ...(kind === "generic" ? stored : {}), ...fieldsPreviewed(kind, stored, fields), ...token },
    template,
    headers: Object.fromEntries(
      sentHeaders.filter((one) => one.name.trim() !== "").map((one) => [one.name.trim(), HIDDEN]),
    ),
  };
  const submit = (event: Event) =>
    form.send(event, () =>
      save({
        name: name.trim(),
        kind,
        url: url.trim(),
        fields: { ...fieldsChange(kind, stored, fields), ...token },
        template,
        headers: headersChange(hook?.headers ?? {}, sentHeaders),
        past,
        for_new_rules: forNewRules,
        ...hears,
        tags: readLabels(tags, "tags"),
      }),
    );
  const row = (index: number, change: Partial<HeaderRow> | null) =>
    setHeaders(
      change === null
        ? headers.filter((_, i) => i !== index)
        : headers.map((one, i) => (i === index ? { ...one, ...change } : one)),
    );
  const title = hook ? `Edit ${hook.name}` : "New webhook";
  return (
    <form class="card form" onSubmit={submit} onKeyDown={(event) => leaves(event) && close()} aria-label={title}>
      <h2>{title}</h2>
      <div class="form-grid">
        <Field label="Name" problem={at("name")}>
          <input
            class="input"
            required
            maxLength={64}
            autofocus
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <Field
          label="Sends to"
          problem={at("kind")}
          hint={chosen === null && looks !== null ? "recognised from the address" : undefined}
        >
          <select class="input" value={kind} onChange={(event) => choose(event.currentTarget.value as WebhookKind)}>
            {KINDS.map((one) => (
              <option key={one.kind} value={one.kind}>
                {one.label}
              </option>
            ))}
          </select>
        </Field>
      </div>
      <Field
        label="Address"
        problem={at("url")}
        hint={
          isStored && url.includes(HIDDEN)
            ? hook.kind === kind
              ? "stored; to change it, write all of it"
              : "of another kind: write all of it again"
            : hook
              ? `${about.hint}; messages that wait are sent there at once`
              : about.hint
        }
      >
        <input
          class="input"
          required
          type="url"
          placeholder={about.address}
          spellcheck={false}
          value={url}
          onFocus={(event) => isStored && url.includes(HIDDEN) && event.currentTarget.select()}
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </Field>
      {chosen !== null && looks !== null && looks !== chosen ? (
        <div class="row small">
          <span>This looks like an address of {kindOf(looks).label}.</span>
          <button type="button" class="button plain" onClick={() => choose(looks)}>
            Send as {kindOf(looks).label}
          </button>
        </div>
      ) : null}
      {about.fields.length > 0 ? (
        <div class="form-grid">
          {about.fields.map((field) =>
            field.tick !== undefined ? (
              <label class="check" key={`${kind} ${field.name}`}>
                <input
                  type="checkbox"
                  checked={fields[field.name] === field.tick}
                  onChange={(event) =>
                    setFields({ ...fields, [field.name]: event.currentTarget.checked ? field.tick! : "" })
                  }
                />
                {field.label}: {field.hint}
                <Problem of={at(`fields.${field.name}`)} />
              </label>
            ) : (
              <Field
                key={`${kind} ${field.name}`}
                label={field.label}
                problem={at(`fields.${field.name}`)}
                hint={field.hint}
              >
                <input
                  class="input"
                  required={!field.optional && !(field.secret && stored[field.name] !== undefined && !isOther)}
                  autocomplete={field.type === "password" ? "new-password" : "off"}
                  {...(field.type === undefined ? {} : { type: field.type })}
                  spellcheck={false}
                  maxLength={512}
                  placeholder={field.secret && stored[field.name] !== undefined ? placeholder : ""}
                  value={fields[field.name] ?? ""}
                  onInput={(event) => setFields({ ...fields, [field.name]: event.currentTarget.value })}
                />
              </Field>
            ),
          )}
        </div>
      ) : null}
      {kind === "email" ? null : (
        <fieldset class="stack tight">
          <legend>Headers</legend>
          <p class="small quiet">
            {kind === "generic"
              ? "For receivers that ask for a token. Values are stored encrypted and never shown again."
              : "Seldom needed here. Values are stored encrypted and never shown again."}
          </p>
          {headers.map((one, i) => (
            <div class="header-row" key={i}>
              <input
                class="input"
                aria-label={`Name of header ${i + 1}`}
                placeholder="Authorization"
                readOnly={one.stored}
                value={one.name}
                onInput={(event) => row(i, { name: event.currentTarget.value })}
              />
              <input
                class="input"
                aria-label={`Value of header ${i + 1}`}
                placeholder={one.stored ? placeholder : "Bearer …"}
                autocomplete="off"
                spellcheck={false}
                value={one.value}
                onInput={(event) => row(i, { value: event.currentTarget.value })}
              />
              <button
                type="button"
                class="button plain"
                aria-label={`Remove header ${one.name || i + 1}`}
                onClick={() => row(i, null)}
              >
                Remove
              </button>
              <Problem of={at(`headers.${one.name.trim()}`)} />
            </div>
          ))}
          <div class="row">
            <button
              type="button"
              class="button"
              onClick={() => setHeaders([...headers, { name: "", value: "", stored: false }])}
            >
              Add a header
            </button>
          </div>
        </fieldset>
      )}
      {kind === "generic" ? (
        <WebhookTemplate
          fields={written}
          set={write}
          problems={{
            body: at("template.body"),
            content_type: at("template.content_type"),
            token: at("fields.token"),
            ...Object.fromEntries(
              written.headers.map(({ name }) => [`headers.${name.trim()}`, at(`template.headers.${name.trim()}`)]),
            ),
          }}
          hasToken={stored.token !== undefined}
        />
      ) : null}
      <HearsFields
        of={hears}
        tags={tags}
        setTags={setTags}
        at={at}
        set={(change) => setHears({ ...hears, ...change })}
      />
      <div class="row checks">
        <label class="check">
          <input
            type="checkbox"
            checked={forNewRules}
            onChange={(event) => setForNewRules(event.currentTarget.checked)}
          />
          New rules notify it
        </label>
        <label class="check">
          <input type="checkbox" checked={past} onChange={(event) => setPast(event.currentTarget.checked)} />
          Also send alerts that were over when their readings arrived
        </label>
      </div>
      <Preview asked={asked} />
      {kind === "email" ? null : <EchoOffer asked={asked} isNew={hook === null} />}
      {Rest()}
      <div class="row">
        <button type="submit" class="button primary" disabled={form.busy}>
          {hook ? "Save" : "Create webhook"}
        </button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
