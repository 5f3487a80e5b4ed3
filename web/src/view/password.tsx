// The admin's password, set anew by whoever knows the present one.

import { useState } from "preact/hooks";
import * as api from "../api";
import { reason, say } from "../actions";
import { Field } from "./controls";

/** As the hub asks for it. */
const SHORTEST = 8;

export function Password() {
  const [present, setPresent] = useState("");
  const [wanted, setWanted] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const change = async (event: Event) => {
    event.preventDefault();
    if (wanted.length < SHORTEST) return setProblem(`The new password needs at least ${SHORTEST} characters.`);
    setBusy(true);
    setProblem("");
    try {
      await api.session.changePassword(present, wanted);
      setPresent("");
      setWanted("");
      say("Password changed. Every other browser is signed out.");
    } catch (error) {
      setProblem(reason(error));
    }
    setBusy(false);
  };
  return (
    <section class="card stack" aria-labelledby="password">
      <div><h2 id="password">Password</h2><p class="small quiet">A new one signs out every other browser. API tokens stay valid.</p></div>
      <form class="form" onSubmit={(event) => void change(event)}>
        <div class="form-grid">
          <Field label="Present password">
            <input class="input" type="password" required autocomplete="current-password" value={present} onInput={(event) => setPresent(event.currentTarget.value)} />
          </Field>
          <Field label="New password" hint={`at least ${SHORTEST} characters`}>
            <input class="input" type="password" required autocomplete="new-password" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
          </Field>
        </div>
        {problem ? <p class="problem" role="alert">{problem}</p> : null}
        <div class="row"><button class="button" disabled={busy}>Change password</button></div>
      </form>
    </section>
  );
}
