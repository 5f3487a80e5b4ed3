// What every form does: it is sent once at a time, and what is wrong with it stands at its field until that is changed.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import { reason } from "../actions/answer";
import { sentence } from "../sentence";
import { Mistyped, type Wrong } from "../wrong";

interface Form {
  busy: boolean;
  /** What is wrong with these fields. Whoever asks shows it. */
  at(...fields: string[]): string | undefined;
  /** What nobody has asked for: written behind the fields. */
  Rest(): preact.JSX.Element | null;
  say(wrong: Wrong | null): void;
  /** Sends it; what the hub refuses is told at its field. */
  send(event: Event, task: () => Promise<unknown>): void;
}

/** Whether a key leaves the form. Escape in a field with a list of proposals may be meant for the list. */
export const leaves = (event: KeyboardEvent): boolean =>
  event.key === "Escape" &&
  !event.defaultPrevented &&
  !event.isComposing &&
  !(event.target as HTMLElement).matches?.("select, input[list]");

/** What is wrong, as the hub or this page says, and which field it is about. */
export function wrongOf(error: unknown): Wrong {
  const field = error instanceof Mistyped ? error.field : (error instanceof api.Refused && error.problem?.field) || "";
  return { field, problem: sentence(reason(error)) };
}

/** `typed` is all that the form holds: an error is about what was typed, so it is gone when that changes. */
export function useForm(typed: unknown): Form {
  const [wrong, say] = useState<Wrong | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => say(null), [JSON.stringify(typed)]);
  // Anew with each drawing: a field that is not there cannot show anything.
  let isShown = false;
  return {
    busy,
    say,
    at: (...fields) => {
      // `labels.room` is in the field of all labels.
      if (wrong === null || !fields.some((field) => wrong.field === field || wrong.field.startsWith(`${field}.`)))
        return undefined;
      isShown = true;
      return wrong.problem;
    },
    Rest: () =>
      wrong === null || isShown ? null : (
        <p class="problem" role="alert">
          {wrong.problem}
        </p>
      ),
    send: (event, task) => {
      event.preventDefault();
      if (busy) return;
      setBusy(true);
      say(null);
      void (async () => task())()
        .catch((error: unknown) => say(wrongOf(error)))
        .then(() => setBusy(false));
    },
  };
}
