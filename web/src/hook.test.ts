import { describe, expect, it } from "vitest";
import { causeOf, failedText, failsText, headersChange, rowsOf, sameServer, standingOf, usedBy } from "./hook";
import type { Delivery } from "./types";

describe("headers of a webhook", () => {
  const stored = { Authorization: "(hidden)", "X-A": "(hidden)" };

  it("stay as they are while nothing is typed", () => {
    expect(headersChange(stored, rowsOf(stored))).toEqual({});
  });

  it("are set when a value is typed, and null when they are taken away", () => {
    const [first] = rowsOf(stored);
    expect(headersChange(stored, [{ ...first!, value: " Bearer x " }])).toEqual({
      Authorization: "Bearer x",
      "X-A": null,
    });
    expect(headersChange(stored, [...rowsOf(stored), { name: " X-B ", value: "1", stored: false }])).toEqual({
      "X-B": "1",
    });
  });

  it("do not lose one that was taken away and typed anew in another case", () => {
    expect(
      headersChange({ Authorization: "(hidden)" }, [{ name: "authorization", value: "2", stored: false }]),
    ).toEqual({ authorization: "2" });
  });

  it("leave an empty row out, but not half of one: the hub says what is missing", () => {
    const row = (name: string, value: string) => headersChange({}, [{ name, value, stored: false }]);
    expect(row("", "")).toEqual({});
    expect(row("X-A", "")).toEqual({ "X-A": "" });
    expect(row("", "1")).toEqual({ "": "1" });
  });
});

describe("by how many rules a webhook is used", () => {
  it("is said so that nobody waits for a message that nobody sends", () => {
    expect(usedBy(0, 0)).toMatch(/^No rule uses it yet/);
    expect(usedBy(0, 3)).toMatch(/^Used by no rule/);
    expect([usedBy(1, 1), usedBy(3, 3), usedBy(2, 5)]).toEqual([
      "Used by your only rule.",
      "Used by all 3 rules.",
      "Used by 2 of 5 rules.",
    ]);
  });
});

describe("messages that failed", () => {
  it("are counted as far as the hub counts", () => {
    expect(failedText(1)).toBe("One message failed.");
    expect(failedText(12)).toBe("12 messages failed.");
    expect(failedText(1_000)).toBe("A thousand messages or more failed.");
  });
});

describe("how a webhook stands", () => {
  const at = (minute: number) => new Date(Date.UTC(2027, 0, 10, 12, minute)).toISOString();
  const attempt = (minute: number, status: number | null, error: string | null) => ({
    at: at(minute),
    status,
    error,
    duration_ms: 1,
    response: null,
    request_head: null,
    response_head: null,
  });
  const sent = (state: Delivery["state"], attempts: Delivery["attempts"]) => ({
    state,
    attempts,
    attempt_count: attempts.length,
  });
  const healthy = { failing_since: null, last_delivery: null };

  it("is failing while every attempt fails, and says since when, how often and why", () => {
    const all = [
      sent("pending", []),
      sent("pending", [attempt(28, null, "connection refused"), attempt(30, null, "connection refused")]),
      sent("pending", [attempt(27, 503, null)]),
      sent("delivered", [attempt(20, 200, null)]),
    ];
    const down = { failing_since: at(27), last_delivery: null };
    expect(standingOf(down, all)).toBe("failing");
    expect(failsText(down, all)).toBe(", 3 attempts: connection refused");
    expect(failsText({ failing_since: at(27) }, [all[2]!])).toBe(", 1 attempt: answered 503");
    expect(failsText(down, undefined)).toBe("");
    const words = "cannot connect: tcp connect error: Connection refused (os error 111)";
    expect(causeOf(attempt(27, null, words))).toBe("cannot connect: Connection refused");
  });

  it("is not pending because a message waits for others of its rule", () => {
    const waits = sent("pending", []);
    expect(standingOf(healthy, [waits, sent("delivered", [attempt(20, 200, null)])])).toBe("delivered");
    expect(standingOf(healthy, [waits])).toBeNull();
    expect(standingOf({ ...healthy, last_delivery: { at: at(1), state: "pending", status: null } }, [])).toBeNull();
    expect(standingOf({ ...healthy, last_delivery: { at: at(1), state: "delivered", status: 200 } }, [])).toBe(
      "delivered",
    );
  });
});

describe("the server of an address", () => {
  it("is scheme, host and port", () => {
    expect(sameServer("https://a.example/x", "https://a.example:443/(hidden)")).toBe(true);
    expect(sameServer("smtp://a.example", "smtp://a.example")).toBe(true);
    for (const other of ["http://a.example/x", "https://a.example:8443/x", "https://b.example/x", "", "x"])
      expect(sameServer("https://a.example/x", other), other).toBe(false);
    expect(sameServer("", "")).toBe(false);
  });
});
