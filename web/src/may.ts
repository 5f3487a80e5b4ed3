// What whoever is signed in may do. The hub decides; the page leaves out what it would refuse. PURE.

import type { SignedIn } from "./types";

export type Scope = SignedIn["scope"];

/** Each allows all that stands before it. */
const SCOPES: readonly Scope[] = ["ingest", "read", "write", "operate", "admin"];

export function allows(scope: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
}

/** `a viewer`, `an admin`. */
export const asRole = (role: string): string => (role === "viewer" ? "a viewer" : `an ${role}`);

/** Why something is missing, for whoever looks for it. */
export function lack(role: string, needed: Scope): string {
  const who = needed === "admin" ? "Only an admin" : "Only an operator or admin";
  return `${who} can change this. You are signed in as ${asRole(role)}.`;
}
