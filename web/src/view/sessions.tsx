// The browsers that are signed in: which they are, from where, and each one's way out.

import { useEffect } from "preact/hooks";
import * as api from "../api";
import { told } from "../actions/answer";
import { loadSessions } from "../actions/session";
import { part, state } from "../app";
import { ago, clean, millis, when } from "../format";
import type { Session } from "../types";
import { Confirmed } from "./controls";

const sessions = part((s) => s.sessions);
const own = part((s) => (s.session.kind === "in" ? (s.session.me.user?.id ?? null) : null));

export function Sessions() {
  useEffect(() => void loadSessions(), []);
  const list = sessions.value;
  const others = list?.filter((one) => !one.current).length ?? 0;
  return (
    <section class="card entries" aria-labelledby="sessions">
      <div class="card-head">
        <div>
          <h2 id="sessions">Signed-in browsers</h2>
          <p class="small quiet">Signed out after 7 days without use, or 30 in all.</p>
        </div>
        {others > 1 ? (
          <Confirmed
            label="Sign out all others"
            sure={`Really sign out ${others} browsers`}
            onConfirm={() => void ended(api.sessions.endOthers())}
          />
        ) : null}
      </div>
      {list === null ? (
        <p class="empty quiet">Loading…</p>
      ) : (
        <ul class="entries">
          {[...list]
            .sort((a, b) => Number(b.current) - Number(a.current) || b.last_used_at.localeCompare(a.last_used_at))
            .map((one) => (
              <Entry key={one.id} session={one} />
            ))}
        </ul>
      )}
    </section>
  );
}

function Entry({ session }: { session: Session }) {
  const { now } = state.value;
  const name = clean(session.browser ?? "Unknown browser");
  const whose = session.user === own.value ? "" : `${clean(session.user_name)}, `;
  const from = session.address === null ? "" : ` from ${clean(session.address)}`;
  const signedIn = millis(session.created_at);
  return (
    <li>
      <div class="what">
        <div class="entry-line">
          <strong>{name}</strong>
          {session.current ? <span class="chip">this one</span> : null}
        </div>
        <span class="small quiet">
          {whose}
          {whose === "" ? "Used" : "used"} {session.current ? "now" : ago(millis(session.last_used_at), now)}
          {from}
          {signedIn === null ? "" : `, signed in ${when(signedIn, now)}`}
        </span>
      </div>
      {session.current ? null : (
        <Confirmed
          label="Sign out"
          sure="Really sign out"
          name={`${whose}${name}${from}`}
          onConfirm={() => void ended(api.sessions.end(session.id))}
        />
      )}
    </li>
  );
}

async function ended(request: Promise<null>): Promise<void> {
  await told(request);
  await loadSessions();
}
