import { describe, expect, it } from "vitest";
import { pathTo, BASE, below, inside } from "./base";

describe("where the page lies", () => {
  it("is told by the address of its own files", () => {
    expect(below("http://hub.local:8080/assets/index-1wBGdyVa.js")).toBe("");
    expect(below("https://example.org/hub/assets/index-1wBGdyVa.js")).toBe("/hub");
    expect(below("https://example.org/a/b/assets/x.js")).toBe("/a/b");
    expect(below("http://localhost:5173/src/base.ts")).toBe("");
  });

  it("is taken off the path and put before it", () => {
    expect([BASE, pathTo("/a")]).toEqual(["", "/a"]);
    expect(inside("/hub/d/x", "/hub")).toBe("/d/x");
    expect(inside("/hub/", "/hub")).toBe("/");
    expect(inside("/hub", "/hub")).toBe("/");
    expect(inside("/hubs/x", "/hub")).toBe("/hubs/x");
    expect(inside("/d/x", "")).toBe("/d/x");
  });
});
