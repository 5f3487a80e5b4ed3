// What reads the messages of a webhook: how each kind is called, what it asks for, and which one an address looks like.
// PURE.

import type { WebhookKind } from "./types";

/** What a kind asks for beside its address; of a secret the value is known to the hub only. */
interface KindField {
  name: string;
  label: string;
  hint: string;
  secret: boolean;
  optional?: boolean;
  /** Ticked or not, where it is no text: what a tick means. */
  tick?: string;
  /** What a browser may fill in. */
  type?: "password";
}

export interface Kind {
  kind: WebhookKind;
  label: string;
  /** An address of it. */
  address: string;
  /** Where a person finds it. */
  hint: string;
  fields: readonly KindField[];
}

const token = (label: string, hint: string, optional = false): KindField => ({
  name: "token",
  label,
  hint,
  secret: true,
  optional,
});

export const KINDS: readonly Kind[] = [
  {
    kind: "generic",
    label: "Anything else (signed JSON)",
    address: "https://example.org/alerts",
    hint: "a program that reads JSON and checks the signature",
    fields: [],
  },
  {
    kind: "ntfy",
    label: "ntfy",
    address: "https://ntfy.sh/my-topic",
    hint: "the server and your topic",
    fields: [token("Access token", "only if the topic is protected", true)],
  },
  {
    kind: "telegram",
    label: "Telegram",
    address: "https://api.telegram.org/bot123456:ABC-DEF/sendMessage",
    hint: "with the token that @BotFather gave you",
    fields: [
      {
        name: "chat_id",
        label: "Chat",
        hint: "its number, such as -1001234567890, or the @name of a channel",
        secret: false,
      },
    ],
  },
  {
    kind: "slack",
    label: "Slack",
    address: "https://hooks.slack.com/services/…",
    hint: "of an incoming webhook; also of Mattermost",
    fields: [],
  },
  {
    kind: "discord",
    label: "Discord",
    address: "https://discord.com/api/webhooks/…",
    hint: "in the settings of the channel, under Integrations",
    fields: [],
  },
  {
    kind: "teams",
    label: "Microsoft Teams",
    address: "https://….logic.azure.com/workflows/…",
    hint: "of the workflow that posts to a channel when a webhook request is received",
    fields: [],
  },
  {
    kind: "pagerduty",
    label: "PagerDuty",
    address: "https://events.pagerduty.com/v2/enqueue",
    hint: "in the EU events.eu.pagerduty.com",
    fields: [
      {
        name: "routing_key",
        label: "Integration key",
        hint: "of the Events API v2 integration of your service",
        secret: true,
      },
    ],
  },
  {
    kind: "gotify",
    label: "Gotify",
    address: "https://gotify.example.org",
    hint: "your server",
    fields: [token("Application token", "in Gotify under Apps; it may also be in the address", true)],
  },
  {
    kind: "matrix",
    label: "Matrix",
    address: "https://matrix.example.org",
    hint: "the home server of the account that writes",
    fields: [
      {
        name: "room_id",
        label: "Room",
        hint: "its id, such as !abcdef:example.org: in the room's settings under Advanced",
        secret: false,
      },
      token("Access token", "of the account; it must be in the room"),
    ],
  },
  {
    kind: "email",
    label: "E-mail",
    address: "smtps://mail.example.org",
    hint: "your mail server: smtps:// for TLS (port 465), smtp:// for STARTTLS (port 587)",
    fields: [
      { name: "to", label: "To", hint: "one or several addresses, separated by commas", secret: false },
      { name: "from", label: "From", hint: "an address that the account may write as", secret: false },
      { name: "username", label: "User name", hint: "if the server wants one", secret: false, optional: true },
      {
        name: "password",
        label: "Password",
        hint: "many providers want one made for this app",
        secret: true,
        optional: true,
        type: "password",
      },
      {
        name: "plain_text",
        label: "Without encryption",
        hint: "only for a server on your own network",
        secret: false,
        optional: true,
        tick: "yes",
      },
    ],
  },
  {
    kind: "home_assistant",
    label: "Home Assistant",
    address: "http://homeassistant.local:8123/api/webhook/…",
    hint: "of a webhook trigger; the automation gets trigger.json",
    fields: [],
  },
  {
    kind: "alertmanager",
    label: "Alertmanager",
    address: "http://192.168.1.5:9093",
    hint: "the server; alerts go to /api/v2/alerts",
    fields: [],
  },
];

export const kindOf = (kind: WebhookKind): Kind => KINDS.find((one) => one.kind === kind) ?? KINDS[0]!;

/** Addresses that only one kind has, by host and path. */
const KNOWN: readonly (readonly [WebhookKind, RegExp])[] = [
  ["slack", /^hooks\.slack\.com\//],
  ["discord", /^([a-z]+\.)?discord(app)?\.com\/api\//],
  ["teams", /^[^/]+\.(logic\.azure\.com|api\.powerplatform\.com|webhook\.office\.com)\//],
  ["ntfy", /^ntfy\.[^/]+\/[^/]+\/?$/],
  ["telegram", /^(api\.telegram\.org\/|[^/]+\/bot\d+:)/],
  ["pagerduty", /^events\.(eu\.)?pagerduty\.com\//],
  ["gotify", /^(gotify\.[^/]+|[^/]+\/message\?token=)/],
  ["matrix", /^matrix\.[^/]+\/?$/],
  ["home_assistant", /^([^/]+\/api\/webhook\/|hooks\.nabu\.casa\/)/],
  ["alertmanager", /^([^/]+\/(.*\/)?api\/v2\/alerts|(alertmanager[^/]*|[^/]+:9093))\/?$/],
];

/** What an address looks like; null when it could be anybody's. */
export function guess(address: string): WebhookKind | null {
  if (/^smtps?:\/\//i.test(address.trim())) return "email";
  const place = /^https?:\/\/([^/?#]+)([^#]*)/i.exec(address.trim());
  if (!place) return null;
  const [, host = "", rest = ""] = place;
  const text = `${host.toLowerCase().replace(/:443$/, "")}${rest === "" ? "/" : rest}`;
  return KNOWN.find(([, looks]) => looks.test(text))?.[0] ?? null;
}

/** The fields that are in the form at first: of a secret that is stored nothing is known. */
export const typedOf = (kind: WebhookKind, stored: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    kindOf(kind)
      .fields.filter((field) => !field.secret && stored[field.name] !== undefined)
      .map(({ name }) => [name, stored[name]!]),
  );

/**
 * The change of fields: those typed are set, those emptied are null, a stored secret with nothing typed stays as it is.
 */
export function fieldsChange(
  kind: WebhookKind,
  stored: Record<string, string>,
  typed: Record<string, string>,
): Record<string, string | null> {
  const change: Record<string, string | null> = {};
  for (const { name, secret } of kindOf(kind).fields) {
    const value = (typed[name] ?? "").trim();
    if (value !== "" && value !== stored[name]) change[name] = value;
    else if (value === "" && !secret && stored[name] !== undefined) change[name] = null;
  }
  return change;
}

/** The fields of a preview: a stored secret is there, whatever it is. */
export function fieldsPreviewed(
  kind: WebhookKind,
  stored: Record<string, string>,
  typed: Record<string, string>,
): Record<string, string> {
  const present = kindOf(kind).fields.map(
    ({ name, secret }) => [name, (typed[name] ?? "").trim() || (secret ? (stored[name] ?? "") : "")] as const,
  );
  return Object.fromEntries(present.filter(([, value]) => value !== ""));
}
