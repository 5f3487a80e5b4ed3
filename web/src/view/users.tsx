// The people who sign in: who they are, what they may do, and the links by which they choose a password.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { say, told } from "../actions/answer";
import { loadSessions } from "../actions/session";
import { part, state } from "../app";
import { pathTo } from "../base";
import { ago, clean, millis } from "../format";
import type { Role, User, UserPatch } from "../types";
import { Confirmed, Copyable, Field } from "./controls";
import { useForm } from "./form";
import "./forms.css";

const own = part((s) => (s.session.kind === "in" ? (s.session.me.user?.id ?? null) : null));

const ROLES: readonly { role: Role; means: string }[] = [
  { role: "viewer", means: "sees devices, charts and alerts, and changes nothing" },
  { role: "operator", means: "also acknowledges and silences alerts, changes rules, adds and names devices" },
  { role: "admin", means: "everything" },
];

/** A link that was just made, and for whom. */
interface Given {
  name: string;
  url: string;
}

export function Users() {
  const [list, setList] = useState<readonly User[] | null>(null);
  const [given, setGiven] = useState<Given | null>(null);
  const load = async () => {
    const found = await told(api.users.list());
    if (found) setList(found);
    // Who lost a role has lost their sessions.
    void loadSessions();
  };
  useEffect(() => void load(), []);
  const give = (name: string, path: string) =>
    setGiven({ name, url: location.origin + pathTo("/") + path.replace(/^\//, "") });
  return (
    <section class="card entries" aria-labelledby="users">
      <div class="card-head">
        <div>
          <h2 id="users">Users</h2>
          <p class="small quiet">Everyone signs in with their own name and password.</p>
        </div>
      </div>
      {list === null ? (
        <p class="empty quiet">Loading…</p>
      ) : (
        <ul class="entries">
          {list.map((user) => (
            <Entry key={user.id} user={user} load={load} give={give} />
          ))}
        </ul>
      )}
      {given ? <Link given={given} close={() => setGiven(null)} /> : null}
      <NewUser
        done={(name, path) => {
          give(name, path);
          void load();
        }}
        isFirst={(list?.length ?? 0) < 2}
      />
    </section>
  );
}

function Entry({
  user,
  load,
  give,
}: {
  user: User;
  load: () => Promise<void>;
  give: (name: string, path: string) => void;
}) {
  const name = clean(user.name);
  const isOwn = user.id === own.value;
  const change = (patch: UserPatch) => void told(api.users.change(user.id, patch)).then(load);
  const reset = async () => {
    const link = await told(api.users.reset(user.id));
    if (link) give(user.name, link.path);
    await load();
  };
  const drop = async () => {
    if (await done(api.users.dropSecondFactor(user.id))) say(`${name} signs in without a code now.`);
    await load();
  };
  return (
    <li>
      <div class="what">
        <div class="entry-line">
          <strong>{name}</strong>
          {isOwn ? <span class="chip">you</span> : null}
          {user.enabled ? null : <span class="chip">disabled</span>}
        </div>
        <span class="small quiet">
          {[seen(user), user.second_factor ? "second factor on" : ""].filter(Boolean).join(", ")}
        </span>
      </div>
      <div class="row wrap">
        <select
          class="input short"
          aria-label={`Role of ${name}`}
          value={user.role}
          onChange={(event) => change({ role: event.currentTarget.value as Role })}
        >
          {ROLES.map(({ role }) => (
            <option key={role} value={role}>
              {role}
            </option>
          ))}
        </select>
        {isOwn ? null : (
          <>
            <Confirmed
              label={user.has_password ? "Reset password" : "New link"}
              sure={user.has_password ? "Really reset" : "Replace the link"}
              name={name}
              onConfirm={() => void reset()}
            />
            {user.second_factor ? (
              <Confirmed
                label="Turn off second factor"
                sure="Really turn off"
                name={`for ${name}`}
                onConfirm={() => void drop()}
              />
            ) : null}
            <button
              type="button"
              class="button plain"
              aria-label={`${user.enabled ? "Disable" : "Enable"} ${name}`}
              onClick={() => change({ enabled: !user.enabled })}
            >
              {user.enabled ? "Disable" : "Enable"}
            </button>
            <Confirmed
              label="Remove"
              sure="Really remove"
              name={name}
              onConfirm={() => void told(api.users.remove(user.id)).then(load)}
            />
          </>
        )}
      </div>
    </li>
  );
}

function seen(user: User): string {
  const { now } = state.value;
  const until = millis(user.invited_until);
  if (!user.has_password) return until === null ? "link expired: create a new one" : "has not used the link yet";
  return user.last_seen_at === null ? "never seen" : `seen ${ago(millis(user.last_seen_at), now)}`;
}

function Link({ given, close }: { given: Given; close: () => void }) {
  return (
    <div class="stack card-foot roomy" role="status">
      <p class="small">Give this link to {clean(given.name)}. It works once, within 24 hours, and is shown only now.</p>
      <Copyable text={given.url} label="sign-in link" />
      <div class="row">
        <button type="button" class="button" onClick={close}>
          I have copied it
        </button>
      </div>
    </div>
  );
}

function NewUser({ done: made, isFirst }: { done: (name: string, path: string) => void; isFirst: boolean }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const { at, Rest, ...form } = useForm([name, role]);
  const create = (event: Event) =>
    form.send(event, async () => {
      const user = await api.users.create(name, role);
      made(user.name, user.link.path);
      setName("");
    });
  return (
    <form class="form card-foot roomy" onSubmit={create} aria-label="Add a user">
      <div class="form-grid">
        <Field label="Name" problem={at("name")}>
          <input
            class="input"
            required
            maxLength={64}
            autocomplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <Field label="Role" problem={at("role")} hint={ROLES.find((one) => one.role === role)?.means}>
          <select class="input" value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {ROLES.map((one) => (
              <option key={one.role} value={one.role}>
                {one.role}
              </option>
            ))}
          </select>
        </Field>
      </div>
      {isFirst ? (
        <p class="small quiet">
          Once there is a second user, everyone signs in with a name, too. Yours is at "Your account".
        </p>
      ) : null}
      {Rest()}
      <div class="row">
        <button type="submit" class="button" disabled={form.busy}>
          Add user
        </button>
      </div>
    </form>
  );
}

/** Whether a request that answers nothing went well; what went wrong is told. */
async function done(request: Promise<null>): Promise<boolean> {
  return (await told(request.then(() => true))) !== null;
}
