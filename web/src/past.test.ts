import { describe, expect, it } from "vitest";
import { countText, EVERY_PAST, matches, pastLines, pastQuery } from "./past";
import type { Alert } from "./types";

const of = (id: string, name: string): Pick<Alert, "rule" | "severity" | "state"> => ({
  rule: { id, name },
  severity: "warning",
  state: "resolved",
});

describe("alerts that are over", () => {
  it("asks the hub for what a person chose, and for what is over only", () => {
    expect(pastQuery(EVERY_PAST, null, null)).toBe("limit=200&state=resolved&state=historical");
    expect(pastQuery({ rule: "rul_2", severity: "critical", state: "historical" }, "team:x", "c/1")).toBe(
      "limit=200&state=historical&rule=rul_2&severity=critical&tag=team%3Ax&cursor=c%2F1",
    );
  });

  it("makes one line of a rule that fired often, so that it hides no other", () => {
    const hot = Array.from({ length: 240 }, () => of("rul_2", "Hot"));
    const leak = of("rul_1", "Leak");
    const lines = pastLines([...hot, leak], EVERY_PAST);
    expect(lines).toEqual([hot, leak]);
    // Of a rule that was chosen each stands for itself.
    expect(pastLines(hot, { ...EVERY_PAST, rule: "rul_2" })).toHaveLength(240);
  });

  it("tells the hub's own rules apart by their names", () => {
    const full = of("rul_0", "hub.disk_full");
    expect(matches({ ...EVERY_PAST, rule: "hub.disk_full" }, full)).toBe(true);
    expect(matches({ ...EVERY_PAST, rule: "hub.database_damaged" }, full)).toBe(false);
    expect(matches({ ...EVERY_PAST, severity: "critical" }, full)).toBe(false);
  });

  it("does not call a page the whole", () => {
    expect(countText(200, true)).toBe("200 and more");
    expect(countText(240, false)).toBe("240 alerts");
    expect(countText(1, false)).toBe("1 alert");
  });
});
