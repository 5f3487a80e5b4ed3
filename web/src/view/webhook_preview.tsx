// What a webhook would send, byte by byte, while it is still being typed. Asked of the hub only where somebody looks.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { reason } from "../actions/answer";
import { EVENTS } from "../hook";
import { sentence } from "../sentence";
import type { AskPreview, WebhookPreview } from "../types";

/** After the last key. */
const REST_MS = 300;

/** What programs are told of one by one is not summed up for them. */
const PROGRAMS: (string | undefined)[] = ["generic", "pagerduty", "alertmanager", "home_assistant"];

/** Whether a kind ever gets such a message. */
function isTold(event: string, kind: string | undefined): boolean {
  switch (event) {
    case "alerts.summary":
      return !PROGRAMS.includes(kind);
    case "alert.flapping":
      return kind === "pagerduty" || !PROGRAMS.includes(kind);
    case "alert.acknowledged":
      return kind !== "alertmanager";
    default:
      return true;
  }
}

export function Preview({ asked }: { asked: Omit<AskPreview, "event"> }) {
  const [open, setOpen] = useState(false);
  const [wanted, setEvent] = useState<NonNullable<AskPreview["event"]>>("alert.firing");
  const kind = asked.kind ?? "generic";
  const event = isTold(wanted, kind) ? wanted : "alert.firing";
  const [shown, show] = useState<WebhookPreview | string | null>(null);
  const question = JSON.stringify({ ...asked, event });
  useEffect(() => {
    if (!open || asked.url === "") return show(null);
    let over = false;
    const timer = setTimeout(() => {
      void api.webhooks
        .preview(JSON.parse(question) as AskPreview)
        .catch((error: unknown) => sentence(reason(error)))
        .then((answer) => over || show(answer));
    }, REST_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [open, question]);
  return (
    <details class="preview" onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
      <summary>Preview what is sent</summary>
      <div class="stack tight">
        <select
          class="input"
          aria-label="Previewed event"
          value={event}
          onChange={(change) => setEvent(change.currentTarget.value as typeof wanted)}
        >
          {Object.entries(EVENTS)
            .filter(([of]) => isTold(of, kind))
            .map(([of, label]) => (
              <option key={of} value={of}>
                {label}
              </option>
            ))}
        </select>
        {shown === null ? (
          <p class="small quiet">{asked.url === "" ? "Write the address first." : "Loading…"}</p>
        ) : typeof shown === "string" ? (
          <p class="small quiet">{shown}</p>
        ) : (
          <pre tabIndex={0} role="region" aria-label="What is sent">
            {shown.method} {shown.url}
            {"\n"}
            {Object.entries(shown.headers).map(([name, value]) => `${name}: ${value}\n`)}
            {"\n"}
            {shown.body}
          </pre>
        )}
      </div>
    </details>
  );
}
