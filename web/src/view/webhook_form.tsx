// A webhook to make or to change. The value of a header is a credential: what is stored never comes back, nothing typed keeps it.

import { useState } from "preact/hooks";
import { headersChange, rowsOf, type HeaderRow } from "../hook";
import type { Webhook } from "../types";
import { Field } from "./controls";
import { useForm } from "./form";
import "./forms.css";

/** What the form says: of a new webhook everything, of another one what changes. */
export interface Typed {
  name: string;
  url: string;
  headers: Record<string, string | null>;
  past: boolean;
  for_new_rules: boolean;
}

function Problem({ of }: { of: string | undefined }) {
  return of === undefined ? null : <p class="problem" role="alert">{of}</p>;
}

export function WebhookForm({ hook, save, close }: { hook: Webhook | null; save: (typed: Typed) => Promise<void>; close: () => void }) {
  const [name, setName] = useState(hook?.name ?? "");
  const [url, setUrl] = useState(hook?.url ?? "");
  const [headers, setHeaders] = useState<HeaderRow[]>(() => rowsOf(hook?.headers ?? {}));
  const [past, setPast] = useState(hook?.past ?? true);
  const [forNewRules, setForNewRules] = useState(hook?.for_new_rules ?? false);
  const { at, Rest, ...form } = useForm([name, url, headers]);
  const submit = (event: Event) =>
    form.send(event, () => save({ name: name.trim(), url: url.trim(), headers: headersChange(hook?.headers ?? {}, headers), past, for_new_rules: forNewRules }));
  const row = (index: number, change: Partial<HeaderRow> | null) =>
    setHeaders(change === null ? headers.filter((_, i) => i !== index) : headers.map((one, i) => (i === index ? { ...one, ...change } : one)));
  const title = hook ? `Edit ${hook.name}` : "New webhook";
  return (
    <form class="card form" onSubmit={submit} aria-label={title}>
      <h2>{title}</h2>
      <div class="form-grid">
        <Field label="Name" problem={at("name")}><input class="input" required maxLength={64} autofocus value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
        <Field label="Address" problem={at("url")} hint={hook ? "messages that wait are sent there at once" : undefined}><input class="input" required type="url" placeholder="https://example.org/alerts" value={url} onInput={(event) => setUrl(event.currentTarget.value)} /></Field>
      </div>
      <fieldset class="stack tight">
        <legend>Headers</legend>
        <p class="small quiet">For receivers that ask for a token. Values are stored encrypted and never shown again.</p>
        {headers.map((one, i) => (
          <div class="header-row" key={i}>
            <input class="input" aria-label={`Name of header ${i + 1}`} placeholder="Authorization" readOnly={one.stored} value={one.name} onInput={(event) => row(i, { name: event.currentTarget.value })} />
            <input class="input" aria-label={`Value of header ${i + 1}`} placeholder={one.stored ? "stored; type to replace it" : "Bearer …"} autocomplete="off" spellcheck={false} value={one.value} onInput={(event) => row(i, { value: event.currentTarget.value })} />
            <button type="button" class="button plain" aria-label={`Remove header ${one.name || i + 1}`} onClick={() => row(i, null)}>Remove</button>
            <Problem of={at(`headers.${one.name.trim()}`)} />
          </div>
        ))}
        <div class="row"><button type="button" class="button" onClick={() => setHeaders([...headers, { name: "", value: "", stored: false }])}>Add a header</button></div>
      </fieldset>
      <div class="row checks">
        <label class="check"><input type="checkbox" checked={forNewRules} onChange={(event) => setForNewRules(event.currentTarget.checked)} />New rules notify it</label>
        <label class="check"><input type="checkbox" checked={past} onChange={(event) => setPast(event.currentTarget.checked)} />Also send alerts that were over when their readings arrived</label>
      </div>
      {Rest()}
      <div class="row"><button class="button primary" disabled={form.busy}>{hook ? "Save" : "Create webhook"}</button><button type="button" class="button" onClick={close}>Cancel</button></div>
    </form>
  );
}
