// What a webhook sends, as a receiver of the hub's own got it: the bytes, and what a receiver would find wrong.

import { useState } from "preact/hooks";
import * as api from "../api";
import { reason, told } from "../actions/answer";
import { clean, cleanLines } from "../format";
import { sentence } from "../sentence";
import type { AskPreview, Echo, Webhook } from "../types";

export function EchoCard({ hook, first, close }: { hook: Webhook; first: Echo; close: () => void }) {
  const [echo, setEcho] = useState(first);
  const again = async () => {
    const answer = await told(api.webhooks.echo(hook.id));
    if (answer) setEcho(answer);
  };
  return (
    <section class="card stack" role="status" aria-label={`Echo of ${clean(hook.name)}`}>
      <div>
        <h2>What {clean(hook.name)} sends</h2>
        <p class="small quiet">
          An invented alert, sent to an echo in this hub and to nobody else. What lets in at the receiver is hidden.
        </p>
      </div>
      <Came of={echo} />
      <div class="row">
        <button type="button" class="button" onClick={() => void again()}>
          Send to the echo again
        </button>
        <button type="button" class="button plain" onClick={close}>
          Close
        </button>
      </div>
    </section>
  );
}

/** What came, and what a receiver finds. */
function Came({ of }: { of: Echo }) {
  const lines = [
    of.request,
    ...of.headers.map(({ name, value }) => `${name}: ${clean(value, 512)}`),
    "",
    cleanLines(of.body),
  ];
  return (
    <>
      <ul class="findings">
        {of.findings.map(({ is_right, text }) => (
          <li key={text} class={is_right ? "good" : "bad"}>
            <span role="img" aria-label={is_right ? "Right:" : "Wrong:"}>
              {is_right ? "✓" : "✗"}
            </span>
            {clean(text, 300)}
          </li>
        ))}
      </ul>
      <pre class="echo" tabIndex={0} role="region" aria-label="The request">
        {lines.join("\n")}
      </pre>
    </>
  );
}

/** Of a webhook that is being written: what would come at a receiver, before anything is saved. */
export function EchoOffer({ asked, isNew }: { asked: Omit<AskPreview, "event">; isNew: boolean }) {
  const [heard, hear] = useState<{ question: string; echo: Echo | string } | null>(null);
  // What was changed since came otherwise.
  const question = JSON.stringify(asked);
  const echo = heard?.question === question ? heard.echo : null;
  const send = async () => {
    const answer = await api.webhooks
      .echoUnsaved({ ...asked, event: "alert.firing" })
      .catch((error: unknown) => sentence(reason(error)));
    hear({ question, echo: answer });
  };
  return (
    <div class="stack tight" role="status" aria-label="Echo">
      <div class="row small">
        <button type="button" class="button" disabled={asked.url === ""} onClick={() => void send()}>
          Send to an echo
        </button>
        <span class="quiet">
          Sends an invented alert to this hub itself, and shows what arrives. Nothing is saved or sent elsewhere.
        </span>
      </div>
      {typeof echo === "string" ? <p class="small bad-text">{echo}</p> : null}
      {echo !== null && typeof echo !== "string" ? (
        <>
          <Came of={echo} />
          {isNew && asked.kind === "generic" ? (
            <p class="small quiet">
              It is signed with a secret made for this. The webhook gets its own when you create it.
            </p>
          ) : null}
        </>
      ) : null}
    </div>
  );
}
