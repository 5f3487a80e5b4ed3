import { describe, expect, it } from "vitest";
import { readLabels, writeLabels } from "./labels";

describe("labels", () => {
  it("are read as they are written, and as people type them", () => {
    const labels = { site: "south", "rack/row": "a=b" };
    expect(readLabels(writeLabels(labels))).toEqual(labels);
    expect(readLabels(" site = south ,, floor=2,")).toEqual({ site: "south", floor: "2" });
    expect([readLabels(""), readLabels("site")]).toEqual([{}, { site: "" }]);
  });
});
