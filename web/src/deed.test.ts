import { expect, test } from "vitest";
import { changes, deed, doer } from "./deed";

test("an entry is a sentence", () => {
  const of = (action: string, subject: string, name: string) => deed({ action, subject, name });
  expect(of("rule.changed", "rul_1", "hot")).toBe("Rule hot changed");
  expect(of("silence.created", "sil_1", "")).toBe("Silence sil_1 created");
  expect(of("session.began", "ses_1", "Firefox on Linux")).toBe("Browser Firefox on Linux signed in");
  expect(of("setting.changed", "admin_password", "")).toBe("Password changed");
  expect(of("setting.changed", "new_one", "")).toBe("new_one changed");
  expect(of("sign_in.refused", "", "wrong password")).toBe("Sign-in refused: wrong password");
  expect(of("join_window.opened", "", "until 2026-11-29T12:00:00.000Z")).toBe(
    "Window for joining opened, until 2026-11-29T12:00:00.000Z",
  );
  expect(of("join_window.closed", "", "")).toBe("Window for joining closed");
  expect(of("alert.acknowledged", "alr_4", "hot on attic")).toBe("Alert hot on attic acknowledged");
  expect(of("alert.acknowledged", "", "12 alerts of hot")).toBe("12 alerts of hot acknowledged");
  expect(of("join_token.created", "jtk_1", "join token")).toBe("Join token created");
  expect(of("delivery.replayed", "", "dlv_7")).toBe("Delivery dlv_7 sent again");
  expect(of("import.began", "", "csv")).toBe("Import of a file (csv) began");
  expect(of("future.done", "x_1", "")).toBe("future x_1 done");
});

test("what the sentence says is not said twice", () => {
  const hidden = [{ field: "value", before: null, after: "(hidden)" }];
  expect(changes({ action: "setting.changed", changes: hidden })).toEqual([]);
  expect(changes({ action: "webhook.changed", changes: hidden })).toEqual(hidden);
  const acknowledged = [
    { field: "acknowledged", before: null, after: "2026-11-29T12:00:00Z" },
    { field: "comment", before: null, after: "seen" },
  ];
  expect(changes({ action: "alert.acknowledged", changes: acknowledged })).toEqual(acknowledged.slice(1));
  expect(changes({ action: "session.began", changes: [{ field: "address", before: null, after: "::1" }] })).toEqual([]);
});

test("whoever did it is named with where they were", () => {
  expect(doer({ kind: "session", name: "ses_1 Firefox on Linux", address: "192.168.0.5" })).toBe(
    "by ses_1 Firefox on Linux from 192.168.0.5",
  );
  expect(doer({ kind: "session", name: "usr_2 anna, ses_1 Firefox on Linux", address: "::1" })).toBe(
    "by anna (ses_1 Firefox on Linux) from ::1",
  );
  expect(doer({ kind: "sign_in", name: "usr_2 Miller, Anna, password and code", address: null })).toBe(
    "by Miller, Anna (password and code)",
  );
  expect(doer({ kind: "token", name: "tok_4 ci", address: "10.0.0.1" })).toBe("by the token tok_4 ci from 10.0.0.1");
  expect(doer({ kind: "command", name: "anna", address: null })).toBe("by the command line (anna)");
  expect(doer({ kind: "sign_in", name: "password", address: "::1" })).toBe("with the password from ::1");
  expect(doer({ kind: "sign_in", name: "setup link", address: "::1" })).toBe("with a setup link from ::1");
  expect(doer({ kind: "nobody", name: "", address: "::1" })).toBe("from ::1");
});
