// What a webhook sends, as a receiver of the hub's own got it: the bytes, and what a receiver would find wrong.

import { useState } from "preact/hooks";
import * as api from "../api";
import { told } from "../actions/answer";
import { clean, cleanLines } from "../format";
import type { Echo, Webhook } from "../types";

export function EchoCard({ hook, first, close }: { hook: Webhook; first: Echo; close: () => void }) {
  const [echo, setEcho] = useState(first);
  const again = async () => {
    const answer = await told(api.webhooks.echo(hook.id));
    if (answer) setEcho(answer);
  };
  const lines = [
    echo.request,
    ...echo.headers.map(({ name, value }) => `${name}: ${clean(value, 512)}`),
    "",
    cleanLines(echo.body),
  ];
  return (
    <section class="card stack" role="status" aria-label={`Echo of ${clean(hook.name)}`}>
      <div>
        <h2>What {clean(hook.name)} sends</h2>
        <p class="small quiet">
          An invented alert, sent to an echo in this hub and to nobody else. What lets in at the receiver is hidden.
        </p>
      </div>
      <ul class="findings">
        {echo.findings.map(({ is_right, text }) => (
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
