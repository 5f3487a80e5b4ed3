// What only some may do, shown to them alone; to the others, where they would look for it, a sentence.

import type { ComponentChildren } from "preact";
import { part } from "../app";
import { allows, lack, type Scope } from "../may";

const me = part((s) => (s.session.kind === "in" ? s.session.me : null));

/** Whether whoever is signed in may do this. */
export const may = (needed: Scope): boolean => me.value !== null && allows(me.value.scope, needed);

export function Only({ may: needed, children }: { may: Scope; children: ComponentChildren }) {
  return may(needed) ? children : null;
}

/** Why there is nothing to press here; empty for people who may press. */
export function Lack({ of: needed }: { of: Scope }) {
  if (may(needed)) return null;
  return <p class="small quiet">{lack(me.value?.user?.role ?? "viewer", needed)}</p>;
}
