// The address that the hub calls each minute, so that somebody notices when the hub itself is gone.

import { useState } from "preact/hooks";
import * as api from "../api";
import { state } from "../app";
import { clean, millis, when } from "../format";
import { sentence } from "../sentence";
import type { Heartbeat as Kept } from "../types";
import { Field, useEvery } from "./controls";
import { useForm } from "./form";
import { Lack, Only } from "./may";

const answer = ({ last_success_at, last_error_at }: Kept) => `${last_success_at} ${last_error_at}`;

export function Heartbeat() {
  const [kept, setKept] = useState<Kept | null>(null);
  const [typed, setTyped] = useState("");
  /** What the last answer was when one was asked for. */
  const [asked, setAsked] = useState<string | null>(null);
  const form = useForm(typed);
  useEvery(2_000, () => void api.heartbeat.get().then(setKept, () => {}));
  const set = (url: string | null) => async () => {
    const now = await api.heartbeat.set(url);
    setKept(now);
    setTyped("");
    setAsked(url === null ? null : answer(now));
  };
  const send = async () => {
    const now = await api.heartbeat.send();
    setKept(now);
    setAsked(answer(now));
  };
  return (
    <section class="card stack" aria-labelledby="heartbeat">
      <div>
        <h2 id="heartbeat">Heartbeat</h2>
        <p class="small quiet">
          The hub calls this address every minute. A service that expects it (healthchecks.io, Uptime Kuma, any cron
          monitor) tells you when the hub itself is gone. A hub that cannot store readings does not call.
        </p>
      </div>
      {kept === null ? <p class="quiet">Loading…</p> : <Answer kept={kept} waits={asked === answer(kept)} />}
      <Lack of="admin" />
      <Only may="admin">
        <form class="form" onSubmit={(event) => form.send(event, set(typed.trim()))}>
          <Field label={kept?.url ? "New address" : "Address"} problem={form.at("url")}>
            <input
              class="input"
              required
              type="url"
              placeholder="https://hc-ping.com/your-id"
              autocomplete="off"
              spellcheck={false}
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </Field>
          <div class="row">
            <button type="submit" class="button" disabled={form.busy}>
              Save
            </button>
            {kept?.url ? (
              <>
                <button type="button" class="button" disabled={form.busy} onClick={(event) => form.send(event, send)}>
                  Send now
                </button>
                <button
                  type="button"
                  class="button plain"
                  disabled={form.busy}
                  onClick={(event) => form.send(event, set(null))}
                >
                  Remove
                </button>
              </>
            ) : null}
          </div>
          <form.Rest />
        </form>
      </Only>
    </section>
  );
}

function Answer({ kept, waits }: { kept: Kept; waits: boolean }) {
  const { now } = state.value;
  if (kept.url === null) return <p class="quiet">Not set: nobody is told when the hub is gone.</p>;
  const [taken, failed] = [millis(kept.last_success_at), millis(kept.last_error_at)];
  const fails = failed !== null && (taken === null || failed > taken);
  return (
    <>
      <dl class="facts">
        <dt>Address</dt>
        <dd class="mono">{clean(kept.url, 500)}</dd>
        <dt>Last answer</dt>
        <dd>{waits ? "waiting for the answer…" : taken === null ? "none since the start" : when(taken, now)}</dd>
      </dl>
      {fails && !waits ? (
        <p class="problem" role="alert">
          {sentence(`Failed ${when(failed, now)}: ${clean(kept.last_error ?? "", 500)}`)}
        </p>
      ) : null}
    </>
  );
}
