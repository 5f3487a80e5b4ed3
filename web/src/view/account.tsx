// One's own account: the name one signs in by, the password, and the code that may be asked for beside it.

import { useState } from "preact/hooks";
import * as api from "../api";
import { say } from "../actions/answer";
import { loadMe, loadSessions } from "../actions/session";
import { part } from "../app";
import { clean, many } from "../format";
import { asRole } from "../may";
import type { Me, SecondFactorDraft } from "../types";
import { Copyable, Field } from "./controls";
import { useForm } from "./form";

const me = part((s) => (s.session.kind === "in" ? s.session.me.user : null));

/** As the hub asks for it. */
const SHORTEST = 8;

export function Account() {
  const user = me.value;
  if (user === null) return null;
  return (
    <section class="card stack" aria-labelledby="account">
      <div>
        <h2 id="account">Your account</h2>
        <p class="small quiet">
          You are signed in as <strong>{clean(user.name)}</strong>, {asRole(user.role)}.
        </p>
      </div>
      <Password />
      <SecondFactor user={user} />
    </section>
  );
}

function Password() {
  const [present, setPresent] = useState("");
  const [wanted, setWanted] = useState("");
  const { at, Rest, ...form } = useForm([present, wanted]);
  const change = (event: Event) => {
    event.preventDefault();
    if (wanted.length < SHORTEST)
      return form.say({ field: "new_password", problem: `At least ${SHORTEST} characters.` });
    form.send(event, async () => {
      await api.session.changePassword(present, wanted);
      setPresent("");
      setWanted("");
      void loadSessions();
      say("Password changed. Your other browsers are signed out.");
    });
  };
  return (
    <form class="form" onSubmit={change} aria-label="Password">
      <div class="form-grid">
        <Field label="Current password" problem={at("password")}>
          <input
            class="input"
            type="password"
            required
            autocomplete="current-password"
            value={present}
            onInput={(event) => setPresent(event.currentTarget.value)}
          />
        </Field>
        <Field
          label="New password"
          problem={at("new_password")}
          hint={`at least ${SHORTEST} characters; signs out your other browsers`}
        >
          <input
            class="input"
            type="password"
            required
            autocomplete="new-password"
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </Field>
      </div>
      {Rest()}
      <div class="row">
        <button type="submit" class="button" disabled={form.busy}>
          Change password
        </button>
      </div>
    </form>
  );
}

function SecondFactor({ user }: { user: Me }) {
  const [draft, setDraft] = useState<SecondFactorDraft | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const shown = (found: readonly string[]) => {
    setDraft(null);
    setCodes(found);
    void loadMe();
  };
  const codesLeft = many(user.recovery_codes, "recovery code is", "recovery codes are");
  return (
    <div class="stack" role="group" aria-labelledby="second-factor">
      <div>
        <h3 id="second-factor">
          Second factor
          {user.second_factor ? (
            <>
              {" "}
              <span class="chip">on</span>
            </>
          ) : null}
        </h3>
        <p class="small quiet">
          {user.second_factor
            ? `Signing in asks for a code of your authenticator app. ${codesLeft} left.`
            : "With an authenticator app on your phone, your password alone does not sign anybody in."}
        </p>
      </div>
      {codes ? (
        <Codes codes={codes} close={() => setCodes(null)} />
      ) : user.second_factor ? (
        <On shown={shown} />
      ) : draft ? (
        <Scan draft={draft} shown={shown} cancel={() => setDraft(null)} />
      ) : (
        <Begin begun={setDraft} />
      )}
    </div>
  );
}

function Begin({ begun }: { begun: (draft: SecondFactorDraft) => void }) {
  const [password, setPassword] = useState("");
  const { at, Rest, ...form } = useForm([password]);
  const begin = (event: Event) => form.send(event, async () => begun(await api.secondFactor.prepare(password)));
  return (
    <form class="form" onSubmit={begin} aria-label="Set up a second factor">
      <Field label="Your password" problem={at("password")}>
        <input
          class="input"
          type="password"
          required
          autocomplete="current-password"
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </Field>
      {Rest()}
      <div class="row">
        <button type="submit" class="button" disabled={form.busy}>
          Set up
        </button>
      </div>
    </form>
  );
}

function Scan({
  draft,
  shown,
  cancel,
}: {
  draft: SecondFactorDraft;
  shown: (codes: readonly string[]) => void;
  cancel: () => void;
}) {
  const [code, setCode] = useState("");
  const { at, Rest, ...form } = useForm([code]);
  const confirm = (event: Event) =>
    form.send(event, async () => shown((await api.secondFactor.turnOn(code.trim())).codes));
  return (
    <form class="form" onSubmit={confirm} aria-label="Confirm the second factor">
      <p class="small">
        Scan this with your authenticator app, or type the text into it. Then enter the code that it shows.
      </p>
      <img
        class="qr"
        width="200"
        height="200"
        alt="QR code for an authenticator app"
        src={`data:image/svg+xml,${encodeURIComponent(draft.qr_svg)}`}
      />
      <Copyable text={draft.secret.replace(/(.{4})(?=.)/g, "$1 ")} label="secret of the second factor" />
      <Field label="Code" problem={at("code")} hint="six digits">
        <input
          class="input"
          required
          inputMode="numeric"
          autocomplete="one-time-code"
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </Field>
      {Rest()}
      <div class="row">
        <button type="submit" class="button primary" disabled={form.busy}>
          Turn on
        </button>
        <button type="button" class="button" onClick={cancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function On({ shown }: { shown: (codes: readonly string[]) => void }) {
  const [code, setCode] = useState("");
  const { at, Rest, ...form } = useForm([code]);
  const renew = (event: Event) =>
    form.send(event, async () => {
      shown((await api.secondFactor.renew(code.trim())).codes);
      setCode("");
    });
  const turnOff = (event: Event) =>
    form.send(event, async () => {
      await api.secondFactor.turnOff(code.trim());
      setCode("");
      await loadMe();
      say("The second factor is off.");
    });
  return (
    <form class="form" onSubmit={renew} aria-label="Change the second factor">
      <Field label="Code" problem={at("code")} hint="of your app, or a recovery code">
        <input
          class="input"
          required
          autocomplete="one-time-code"
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </Field>
      {Rest()}
      <div class="row wrap">
        <button type="submit" class="button" disabled={form.busy}>
          New recovery codes
        </button>
        <button type="button" class="button plain danger" disabled={form.busy || code.trim() === ""} onClick={turnOff}>
          Turn off
        </button>
      </div>
    </form>
  );
}

function Codes({ codes, close }: { codes: readonly string[]; close: () => void }) {
  return (
    <div class="stack" role="status">
      <p class="small">
        Keep these recovery codes apart from your phone. Each signs you in once when you have lost it. They are shown
        only now.
      </p>
      <Copyable text={codes.join("\n")} label="recovery codes" />
      <div class="row">
        <button type="button" class="button" onClick={close}>
          I have saved them
        </button>
      </div>
    </div>
  );
}
