// The door: set the first password with the link the hub printed, or sign in with it.

import { pathTo } from "../base";
import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { setPassword, signIn } from "../actions";
import type { Session } from "../state";
import { clean } from "../format";
import { Field } from "./controls";
import { useForm } from "./form";
import { Logo } from "./logo";

/** As the hub asks for it. */
const SHORTEST = 8;

export function SignIn({ session }: { session: Session }) {
  const setup = session.kind === "setup";
  const [token, setToken] = useState(setup ? (session.token ?? "") : "");
  const [password, setPasswordText] = useState("");
  const { at, Rest, ...form } = useForm([token, password]);
  const asksToken = setup && session.token === null;
  const [hub, setHub] = useState<string | null>(null);
  useEffect(() => void api.session.door().then(({ name }) => setHub(name), () => {}), []);

  const submit = (event: Event) => {
    event.preventDefault();
    if (setup && password.length < SHORTEST) return form.say({ field: "password", problem: `At least ${SHORTEST} characters.` });
    form.send(event, () => (setup ? setPassword(token.trim(), password) : signIn(password)));
  };

  return (
    <main class="door">
      <form class="card" onSubmit={submit}>
        <p class="brand"><Logo /><span>Telemetry hub{hub ? <small> on {clean(hub)}</small> : null}</span></p>
        <div class="stack">
          <h1>{setup ? "Set the admin password" : "Sign in"}</h1>
          <p class="quiet">
            {asksToken ? "This hub has no password yet. Run telemetry-hub open on its machine for a link that sets one, or paste the token at the end of that link."
              : setup ? "You will use this password to open this page from any browser on your network."
              : "Enter the admin password."}
          </p>
        </div>
        {asksToken ? (
          <Field label="Setup token" problem={at("setup_token")}>
            <input class="input" required autocomplete="off" value={token} onInput={(event) => setToken(event.currentTarget.value)} />
          </Field>
        ) : null}
        <Field label="Password" problem={at("password")}>
          <input
            class="input" type="password" name="password" required autofocus minLength={setup ? SHORTEST : undefined}
            autocomplete={setup ? "new-password" : "current-password"}
            value={password} onInput={(event) => setPasswordText(event.currentTarget.value)}
          />
        </Field>
        {Rest()}
        <button class="button primary" disabled={form.busy}>{setup ? "Set password" : "Sign in"}</button>
        {setup ? null : <Forgotten />}
        <p class="small quiet"><a href={pathTo("/api/docs")} target="_blank">API documentation</a></p>
      </form>
    </main>
  );
}

function Forgotten() {
  return (
    <details>
      <summary>Forgot it?</summary>
      <div class="stack small quiet">
        <p>On the hub's computer, run <code>telemetry-hub password reset</code> and open the link it prints. Every browser is signed out; devices, readings and API tokens stay.</p>
        <p>To sign in just this browser and keep the password, run <code>telemetry-hub open</code> there.</p>
      </div>
    </details>
  );
}
