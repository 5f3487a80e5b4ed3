import { expect, test } from "vitest";
import { readLabels, writeLabels } from "./labels";

test("labels are read as they are written", () => {
  expect(readLabels(" room = attic,site=south , ,")).toEqual({ room: "attic", site: "south" });
  expect(readLabels("note=a=b")).toEqual({ note: "a=b" });
  expect(readLabels("")).toEqual({});
  expect(readLabels(writeLabels({ room: "attic", site: "south" }))).toEqual({ room: "attic", site: "south" });
});

test("what is no label is named, and how to write one", () => {
  for (const text of ["site south", "room=attic, south", "=south"]) {
    expect(() => readLabels(text)).toThrow(/^“.*” is not a label: write key=value, such as site=south$/);
    expect(() => readLabels(text, "tags")).toThrow(/^“.*” is not a tag: write key=value, such as team=x$/);
  }
});
