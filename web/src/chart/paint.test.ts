import { expect, test, vi } from "vitest";

// uPlot asks the window how dense its pixels are when it is loaded.
vi.mock("uplot", () => ({ default: { pxRatio: 1 } }));
const { namesAt } = await import("./paint");

test("a name stands above its line, and below it at the top", () => {
  expect(namesAt([100], 10)).toEqual([95]);
  expect(namesAt([14], 10)).toEqual([27]);
});

test("lines that lie close together have their names apart", () => {
  const names = namesAt([14, 26, 60, 61, 62], 10).sort((a, b) => a - b);
  names.slice(1).forEach((at, i) => {
    expect(at - names[i]!).toBeGreaterThanOrEqual(14);
  });
});
