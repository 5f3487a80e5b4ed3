// The door: set the first password with the link the hub printed, choose one by the link somebody was given,
// or sign in.
//
// As long as one person has a password nobody is asked for a name;
// a code is asked for once the hub says that one is needed.

import { pathTo } from "../base";
import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { acceptInvitation, door, setPassword, signIn } from "../actions/session";
import type { Session } from "../state";
import { clean } from "../format";
import { Field } from "./controls";
import { useForm } from "./form";
import { Logo } from "./logo";

/** As the hub asks for it. */
const SHORTEST = 8;

export function SignIn({ session }: { session: Session }) {
  const setup = session.kind === "setup";
  const invited = session.kind === "invited" ? session.of : null;
  const chooses = setup || invited !== null;
  const [token, setToken] = useState(setup ? (session.token ?? "") : "");
  const [name, setName] = useState("");
  const [password, setPasswordText] = useState("");
  const [code, setCode] = useState("");
  const [asksCode, setAsksCode] = useState(invited?.second_factor ?? false);
  const { at, Rest, ...form } = useForm([token, name, password, code]);
  const asksToken = setup && session.token === null;
  const { hub, byName } = useDoor();

  const send = async () => {
    try {
      if (setup) await setPassword(token.trim(), password);
      else if (session.kind === "invited") await acceptInvitation(session.code, password, code.trim());
      else await signIn(name.trim(), password, code.trim());
    } catch (error) {
      const needed = error instanceof api.Refused && error.problem?.code === "second_factor";
      if (!needed || asksCode) throw error;
      setAsksCode(true);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (chooses && password.length < SHORTEST)
      return form.say({ field: "password", problem: `At least ${SHORTEST} characters.` });
    form.send(event, send);
  };

  return (
    <main class="door">
      <form class="card" onSubmit={submit}>
        <p class="brand">
          <Logo />
          <span>Telemetry hub{hub ? <small> on {clean(hub)}</small> : null}</span>
        </p>
        <div class="stack">
          <h1>{setup ? "Set the admin password" : invited ? `Welcome, ${clean(invited.name)}` : "Sign in"}</h1>
          <p class="quiet">
            {asksToken
              ? "This hub has no password yet. Run telemetry-hub open on its machine for a link that sets one, " +
                "or paste the token at the end of that link."
              : setup
                ? "You will use this password to open this page from any browser on your network."
                : invited
                  ? "Choose a password. From then on you sign in with it and your name."
                  : asksCode
                    ? "Enter the code that your authenticator app shows. Without your phone, enter a recovery code."
                    : byName
                      ? "Enter your name and password."
                      : "Enter your password."}
          </p>
        </div>
        {asksToken ? (
          <Field label="Setup token" problem={at("setup_token")}>
            <input
              class="input"
              required
              autocomplete="off"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          </Field>
        ) : null}
        {invited ? <input type="hidden" name="username" autocomplete="username" value={invited.name} /> : null}
        {!chooses && byName ? (
          <Field label="Name" problem={at("name")}>
            <input
              class="input"
              name="username"
              required
              autofocus
              autocomplete="username"
              autocapitalize="none"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </Field>
        ) : null}
        <Field
          label={chooses ? "New password" : "Password"}
          problem={at("password")}
          hint={chooses ? `at least ${SHORTEST} characters` : undefined}
        >
          <input
            class="input"
            type="password"
            name="password"
            required
            autofocus={chooses || !byName}
            minLength={chooses ? SHORTEST : undefined}
            autocomplete={chooses ? "new-password" : "current-password"}
            value={password}
            onInput={(event) => setPasswordText(event.currentTarget.value)}
          />
        </Field>
        {asksCode ? (
          <Field label="Code" problem={at("code")} hint="six digits, or a recovery code">
            <input
              class="input"
              required
              autofocus
              autocomplete="one-time-code"
              value={code}
              onInput={(event) => setCode(event.currentTarget.value)}
            />
          </Field>
        ) : null}
        {Rest()}
        <button type="submit" class="button primary" disabled={form.busy}>
          {chooses ? "Set password" : "Sign in"}
        </button>
        {chooses ? null : <Forgotten byName={byName} />}
        <p class="small quiet">
          <a href={pathTo("/api/docs")} target="_blank" rel="noopener">
            API documentation
          </a>
        </p>
      </form>
    </main>
  );
}

/** Which hub it is, and whether it asks for a name. */
function useDoor(): { hub: string | null; byName: boolean } {
  const [told, setTold] = useState({ hub: null as string | null, byName: false });
  useEffect(
    () =>
      void door().then(
        (found) => setTold({ hub: found.name, byName: found.by_name }),
        () => {},
      ),
    [],
  );
  return told;
}

function Forgotten({ byName }: { byName: boolean }) {
  return (
    <details>
      <summary>Forgot it?</summary>
      <div class="stack small quiet">
        {byName ? <p>An admin of this hub can give you a link to set another, under Hub, Users.</p> : null}
        <p>
          On the hub's computer, run <code>telemetry-hub password reset{byName ? " --user NAME" : ""}</code> and open
          the link it prints. {byName ? "Your browsers are signed out" : "Every browser is signed out"}; devices,
          readings and API tokens stay. With <code>--second-factor</code> no code is asked for any more.
        </p>
        <p>
          To sign in just this browser {byName ? "as an admin" : "and keep the password"}, run{" "}
          <code>telemetry-hub open</code> there.
        </p>
      </div>
    </details>
  );
}
