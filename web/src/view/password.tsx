// The admin's password, set anew by whoever knows the current one.

import { useState } from "preact/hooks";
import * as api from "../api";
import { loadSessions, say } from "../actions";
import { Field } from "./controls";
import { useForm } from "./form";

/** As the hub asks for it. */
const SHORTEST = 8;

export function Password() {
  const [present, setPresent] = useState("");
  const [wanted, setWanted] = useState("");
  const { at, Rest, ...form } = useForm([present, wanted]);
  const change = (event: Event) => {
    event.preventDefault();
    if (wanted.length < SHORTEST) return form.say({ field: "new_password", problem: `At least ${SHORTEST} characters.` });
    form.send(event, async () => {
      await api.session.changePassword(present, wanted);
      setPresent("");
      setWanted("");
      void loadSessions();
      say("Password changed. Every other browser is signed out.");
    });
  };
  return (
    <section class="card stack" aria-labelledby="password">
      <div><h2 id="password">Password</h2><p class="small quiet">A new one signs out every other browser. API tokens stay valid.</p></div>
      <form class="form" onSubmit={change}>
        <div class="form-grid">
          <Field label="Current password" problem={at("password")}>
            <input class="input" type="password" required autocomplete="current-password" value={present} onInput={(event) => setPresent(event.currentTarget.value)} />
          </Field>
          <Field label="New password" problem={at("new_password")} hint={`at least ${SHORTEST} characters`}>
            <input class="input" type="password" required autocomplete="new-password" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
          </Field>
        </div>
        {Rest()}
        <div class="row"><button class="button" disabled={form.busy}>Change password</button></div>
      </form>
    </section>
  );
}
