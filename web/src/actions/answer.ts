// What becomes of an answer of the hub: it is taken, or its failure becomes words on the page.
//
// A failure is told as a toast, or thrown for the form that asks, which shows it beside its button. One that says that
// nobody is signed in any more ends the session, whoever asked.

import * as api from "../api";
import { dispatch, stopStream, turn } from "../app";
import { sentence } from "../sentence";

let toasts = 0;

export function say(text: string, tone: "error" | "done" = "done"): void {
  dispatch({ kind: "toast", toast: { id: `toast ${++toasts}`, tone, text: sentence(text), href: null } });
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs a request whose failure is only told, never thrown; null then. */
export async function told<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof api.Refused && error.status === 401) return signedOut();
    say(reason(error), "error");
    return null;
  }
}

/**
 * Runs a request whose answer is taken with the turn at which it was asked, so that it undoes nothing that came since.
 */
export async function answered<T>(request: Promise<T>, take: (answer: T, asked: number) => void): Promise<void> {
  const asked = turn();
  const answer = await told(request);
  if (answer !== null) take(answer, asked);
}

export function signedOut(): null {
  stopStream();
  dispatch({ kind: "session", session: { kind: "anonymous" } });
  return null;
}
