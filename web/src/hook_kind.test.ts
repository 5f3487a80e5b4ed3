import { describe, expect, it } from "vitest";
import { fieldsChange, fieldsPreviewed, guess, KINDS, kindOf, typedOf } from "./hook_kind";

describe("the kind of an address", () => {
  it("is proposed when only one kind has such addresses", () => {
    for (const [address, kind] of [
      ["https://hooks.slack.com/services/T0/B0/x", "slack"],
      ["https://discord.com/api/webhooks/1/x", "discord"],
      ["https://canary.discord.com/api/webhooks/1/x", "discord"],
      ["https://discordapp.com/api/webhooks/1/x", "discord"],
      ["https://prod-1.westeurope.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=x", "teams"],
      ["https://x.1.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/1?sig=x", "teams"],
      ["https://ntfy.sh/my-topic", "ntfy"],
      ["http://ntfy.lan:8090/alerts", "ntfy"],
      [" https://api.telegram.org/bot1:x/sendMessage ", "telegram"],
      ["http://10.0.0.2:8081/bot1:x", "telegram"],
      ["https://events.pagerduty.com/v2/enqueue", "pagerduty"],
      ["https://events.eu.pagerduty.com/v2/enqueue", "pagerduty"],
      ["https://gotify.example.org", "gotify"],
      ["https://push.example.org/message?token=A1", "gotify"],
      ["https://matrix.example.org", "matrix"],
      ["http://homeassistant.local:8123/api/webhook/x", "home_assistant"],
      ["http://10.0.0.2:9093", "alertmanager"],
      ["smtps://mail.example.org", "email"],
      ["smtp://192.168.1.5:25", "email"],
      ["http://10.0.0.2/prefix/api/v2/alerts", "alertmanager"],
    ] as const) {
      expect(guess(address), address).toBe(kind);
    }
  });

  it("is not made up of one that could be anybody's", () => {
    for (const address of [
      "",
      "hooks.slack.com/services/x",
      "https://example.org/alerts",
      "https://example.org/?u=https://hooks.slack.com/",
      "https://slack.com.example.org/x",
      "ftp://ntfy.sh/x",
      "https://ntfy.sh",
      "https://hooks.slack.com.example.org/services/x",
    ]) {
      expect(guess(address), address).toBeNull();
    }
  });

  it("is one that has a name, an example and what it asks for", () => {
    expect(KINDS.map((one) => one.kind).sort()).toEqual([
      "alertmanager",
      "discord",
      "email",
      "generic",
      "gotify",
      "home_assistant",
      "matrix",
      "ntfy",
      "pagerduty",
      "slack",
      "teams",
      "telegram",
    ]);
    expect(kindOf("telegram").fields.map((field) => field.name)).toEqual(["chat_id"]);
  });
});

describe("fields of a kind", () => {
  const stored = { room_id: "!a:b", token: "(hidden)" };

  it("stay as they are while nothing is typed", () => {
    expect(typedOf("matrix", stored)).toEqual({ room_id: "!a:b" });
    expect(fieldsChange("matrix", stored, typedOf("matrix", stored))).toEqual({});
  });

  it("are set when typed and null when emptied, a secret only when typed", () => {
    expect(fieldsChange("matrix", stored, { room_id: " !c:d ", token: " x " })).toEqual({
      room_id: "!c:d",
      token: "x",
    });
    expect(fieldsChange("matrix", stored, { room_id: "", token: "" })).toEqual({ room_id: null });
  });

  it("of another kind are not sent", () => {
    expect(fieldsChange("slack", {}, { room_id: "!a:b", token: "x" })).toEqual({});
  });

  it("are previewed with a stored secret as it is shown", () => {
    expect(fieldsPreviewed("matrix", stored, { room_id: "!a:b" })).toEqual(stored);
    expect(fieldsPreviewed("matrix", {}, { room_id: "!a:b" })).toEqual({ room_id: "!a:b" });
  });
});
