// Who is looking: signing in and out, by a password or by a link.

import * as api from "../api";
import { dispatch, startStream, stopStream } from "../app";
import type { SetupState, SignedIn } from "../types";
import { answered, reason, say, signedOut, told } from "./answer";

let asked: Promise<SetupState> | null = null;

/** What the hub says of its door; what was asked to find out who is looking is not asked again to show the door. */
export function door(): Promise<SetupState> {
  const found = asked ?? api.session.door();
  asked = null;
  return found;
}

/** Finds out who is looking: by the one-time fragment of a printed link, else by the cookie. */
export async function openSession(fragment = /^#(setup|login|invite)=(.+)$/.exec(location.hash)): Promise<void> {
  // Out of the address bar at once: a token must not stay in history, bookmarks or screenshots.
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  try {
    if (fragment?.[1] === "login") await api.session.exchange(decodeURIComponent(fragment[2]!));
    if (fragment?.[1] === "setup" && (await api.session.door()).needed) {
      const token = decodeURIComponent(fragment[2]!);
      // Nobody shall think of a password first and hear then that the link has expired.
      await api.session.checkSetup(token);
      dispatch({ kind: "session", session: { kind: "setup", token } });
      return;
    }
    if (fragment?.[1] === "invite") {
      const code = decodeURIComponent(fragment[2]!);
      stopStream();
      dispatch({ kind: "session", session: { kind: "invited", code, of: await api.invitation.look(code) } });
      return;
    }
  } catch (error) {
    // A used login link is no dead end when the cookie is still good.
    if (!(error instanceof api.Refused) || error.status === 0) return retryOpen(fragment);
    say(`That link cannot be used: ${reason(error)}`, "error");
  }
  try {
    enter(await api.session.current());
  } catch (error) {
    if (!(error instanceof api.Refused) || error.status !== 401) return retryOpen(null);
    asked = api.session.door();
    const needed = await asked.then(
      (found) => found.needed,
      () => false,
    );
    dispatch({ kind: "session", session: needed ? { kind: "setup", token: null } : { kind: "anonymous" } });
  }
}

function retryOpen(fragment: RegExpExecArray | null): void {
  dispatch({ kind: "connection", connection: "reconnecting" });
  setTimeout(() => void openSession(fragment), 2_000);
}

export async function setPassword(token: string, password: string): Promise<void> {
  await api.session.setup(token, password);
  enter(await api.session.current());
}

export async function signIn(name: string, password: string, code: string): Promise<void> {
  await api.session.signIn({ password, ...(name === "" ? {} : { name }), ...(code === "" ? {} : { code }) });
  enter(await api.session.current());
}

/** Chooses a password by a link somebody was given. */
export async function acceptInvitation(invitation: string, password: string, code: string): Promise<void> {
  await api.invitation.accept({ invitation, password, ...(code === "" ? {} : { code }) });
  enter(await api.session.current());
}

export async function signOut(): Promise<void> {
  await told(api.session.signOut());
  signedOut();
}

function enter(me: SignedIn): void {
  dispatch({ kind: "session", session: { kind: "in", me } });
  startStream();
}

/** Looks again at who is signed in, after something of them has changed. */
export async function loadMe(): Promise<void> {
  const me = await told(api.session.current());
  if (me) dispatch({ kind: "session", session: { kind: "in", me } });
}

/** After a loss: 401 means the session ended meanwhile; anything else, the stream keeps trying. */
export async function checkSession(): Promise<void> {
  try {
    await api.session.current();
  } catch (error) {
    if (error instanceof api.Refused && error.status === 401) signedOut();
  }
}

export const loadSessions = () =>
  answered(api.sessions.list(), (sessions, asked) => dispatch({ kind: "sessions", sessions, asked }));
