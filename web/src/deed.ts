// An entry of the audit log in words. PURE.

import { clean } from "./format";
import { HIDDEN } from "./hidden";
import type { AuditEntry } from "./types";

const NOUNS: Readonly<Record<string, string>> = {
  rule: "Rule",
  webhook: "Webhook",
  silence: "Silence",
  token: "API token",
  join_token: "Join token",
  session: "Browser",
  device: "Device",
  setting: "Setting",
  join_window: "Window for joining",
  hub: "Hub",
  user: "User",
  alert: "Alert",
  delivery: "Delivery",
  heartbeat: "Heartbeat",
};

const VERBS: Readonly<Record<string, string>> = {
  "session.began": "signed in",
  "session.ended": "signed out",
  "delivery.replayed": "sent again",
};

const SETTINGS: Readonly<Record<string, string>> = {
  // Of hubs that had one password for everybody.
  admin_password: "Password",
  setup_token: "Setup link",
  login_code: "Sign-in link",
  join_policy: "Who may join",
  offline_after: "Alert of silent devices",
  retention: "How long readings are kept",
  heartbeat: "Heartbeat",
};

/** What was done: `Rule hot changed`. */
export function deed({ action, subject, name }: Pick<AuditEntry, "action" | "subject" | "name">): string {
  const [noun = "", verb = ""] = action.split(".");
  if (action === "sign_in.refused") return `Sign-in refused: ${clean(name, 120)}`;
  if (action === "import.began") return `Import of a file (${clean(name, 32)}) began`;
  if (noun === "setting") return `${SETTINGS[subject] ?? clean(subject, 64)} changed`;
  const what = clean(name || subject, 64);
  const done = VERBS[action] ?? verb;
  if (noun === "join_window" || noun === "hub") return `${NOUNS[noun]} ${done}${what ? `, ${what}` : ""}`;
  // Of many it says itself what they are.
  if (action === "delivery.replayed" && / messages$/.test(what)) return `${what} sent again`;
  if (noun === "alert" && subject === "") return `${what} ${done}`;
  const called = NOUNS[noun] ?? clean(noun, 32);
  return [called, what.toLowerCase() === called.toLowerCase() ? "" : what, done].filter(Boolean).join(" ");
}

/**
 * What changed, without what the sentence says already:
 * that a secret setting did, from where somebody signed in, and that an alert was acknowledged.
 */
export function changes({ action, changes }: Pick<AuditEntry, "action" | "changes">): AuditEntry["changes"] {
  if (action.startsWith("session.")) return [];
  if (action === "alert.acknowledged") return changes.filter(({ field }) => field !== "acknowledged");
  return action.startsWith("setting.")
    ? changes.filter(({ before, after }) => before !== HIDDEN && after !== HIDDEN)
    : changes;
}

/** Who did it, and from where: `by anna (ses_1 Firefox on Linux) from 192.168.0.5`. */
export function doer({ kind, name, address }: AuditEntry["by"]): string {
  // Of a user it says id, name, and how they came.
  const who = clean(name, 160).replace(/^usr_\d+ (.*), (.*)$/, "$1 ($2)");
  const from = address === null ? "" : ` from ${clean(address, 64)}`;
  switch (kind) {
    case "session":
      return `by ${who}${from}`;
    case "token":
      return `by the token ${who}${from}`;
    case "admin_file":
      return `by the token of --admin-token-file${from}`;
    case "command":
      return who === "" ? "by the command line" : `by the command line (${who})`;
    case "sign_in":
      return name.startsWith("usr_")
        ? `by ${who}${from}`
        : `with ${who === "password" ? "the password" : `a ${who}`}${from}`;
    case "nobody":
      return from.trim();
    default:
      return `${who}${from}`.trim();
  }
}
