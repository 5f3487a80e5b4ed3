import { describe, expect, it } from "vitest";
import { failedText, headersChange, rowsOf, usedBy } from "./hook";

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
