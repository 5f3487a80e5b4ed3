import { describe, expect, it } from "vitest";
import { storyLines, tellsNobody, type ToldEntry } from "./story";
import type { StoryEntry } from "./types";

const at = (second: number) => new Date(Date.UTC(2027, 0, 10, 8, 0, second)).toISOString();
const told = (
  second: number,
  webhook_name: string,
  event: ToldEntry["event"],
  more: Partial<ToldEntry> = {},
): ToldEntry => ({
  what: "told",
  at: at(second),
  delivery: "del_1",
  webhook: "wh_1",
  webhook_name,
  event,
  in_summary: false,
  state: "delivered",
  attempts: 1,
  arrived_at: at(second),
  error: null,
  ...more,
});
const FIRED: StoryEntry[] = [
  { what: "began", at: at(1) },
  { what: "fired", at: at(2) },
];

describe("the story of an alert", () => {
  it("tells of many webhooks in one line, and of one that failed by itself", () => {
    const story = [
      ...FIRED,
      told(3, "chat", "alert.firing"),
      told(3, "mail", "alert.firing"),
      told(3, "pager", "alert.firing", { state: "failed", attempts: 3, arrived_at: null, error: "refused" }),
      told(4, "phone", "alert.firing"),
    ];
    const lines = storyLines({ story, fired_at: at(2) }, false);
    expect(lines.map(({ what }) => what)).toEqual(["began", "fired", "told all", "told"]);
    expect(lines[2]).toMatchObject({
      of: [{ webhook_name: "chat" }, { webhook_name: "mail" }, { webhook_name: "phone" }],
    });
  });

  it("does not make one of what was told at two times", () => {
    const story = [...FIRED, told(3, "chat", "alert.repeated"), told(3 + 3_600, "chat", "alert.repeated")];
    expect(storyLines({ story, fired_at: at(2) }, false).map(({ what }) => what)).toEqual([
      "began",
      "fired",
      "told",
      "told",
    ]);
  });

  it("says that its rule ended it before it says that it is over", () => {
    const over = ["resolved", "rule_changed"] as const;
    const story = [...FIRED, ...over.map((what) => ({ what, at: at(9) }))];
    const lines = storyLines({ story, fired_at: at(2) }, false);
    expect(lines.map(({ what }) => what)).toEqual(["began", "fired", "rule_changed", "resolved"]);
  });

  it("tells nothing before its cause, though the hub's clock and the device's differ", () => {
    const story = [...FIRED, told(8, "chat", "alert.resolved"), { what: "resolved" as const, at: at(9) }];
    expect(storyLines({ story, fired_at: at(2) }, false).map(({ what }) => what)).toEqual([
      "began",
      "fired",
      "resolved",
      "told",
    ]);
  });

  it("says that nobody was told, where the rule tells nobody", () => {
    const lines = storyLines({ story: FIRED, fired_at: at(2) }, true);
    expect(lines.map(({ what }) => what)).toEqual(["began", "fired", "nobody"]);
    // Once it told somebody.
    const before = storyLines({ story: [...FIRED, told(3, "chat", "alert.firing")], fired_at: at(2) }, true);
    expect(before.map(({ what }) => what)).toEqual(["began", "fired", "told"]);
    expect(storyLines({ story: [FIRED[0]!], fired_at: null }, true)).toHaveLength(1);
  });

  it("knows which rules tell nobody", () => {
    expect(tellsNobody({ webhooks: [], all_webhooks: false }, [1])).toBe(true);
    expect(tellsNobody({ webhooks: [], all_webhooks: true }, [1])).toBe(false);
    expect(tellsNobody({ webhooks: [], all_webhooks: true }, [])).toBe(true);
    expect(tellsNobody({ webhooks: ["wh_1"], all_webhooks: false }, [1])).toBe(false);
  });
});
