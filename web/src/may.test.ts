import { expect, test } from "vitest";
import { allows, lack } from "./may";

test("each role may do what those before it may, and no more", () => {
  const can = (scope: "read" | "operate" | "admin") =>
    (["read", "write", "operate", "admin"] as const).map((needed) => allows(scope, needed));
  expect(can("read")).toEqual([true, false, false, false]);
  expect(can("operate")).toEqual([true, true, true, false]);
  expect(can("admin")).toEqual([true, true, true, true]);
});

test("who may not is told who may", () => {
  expect(lack("viewer", "operate")).toBe("Only an operator or admin can change this. You are signed in as a viewer.");
  expect(lack("operator", "admin")).toBe("Only an admin can change this. You are signed in as an operator.");
});
