import { expect, test } from "vitest";
import { momentOf, wrongWindow } from "./picker";

test("what is typed is told by the page's zone, on either side of a change of the clocks", () => {
  expect(momentOf("2026-07-01T12:00", "Europe/Berlin")).toBe(Date.UTC(2026, 6, 1, 10));
  expect(momentOf("2026-12-01T12:00:30", "Europe/Berlin")).toBe(Date.UTC(2026, 11, 1, 11, 0, 30));
  expect(momentOf("2026-10-25T12:00", "Europe/Berlin")).toBe(Date.UTC(2026, 9, 25, 11));
  expect(momentOf("2026-03-29T03:30", "Europe/Berlin")).toBe(Date.UTC(2026, 2, 29, 1, 30));
  expect(momentOf("2013-05-14 06:00", "Asia/Kolkata")).toBe(Date.UTC(2013, 4, 14, 0, 30));
});

test("what makes no sense names its field", () => {
  const now = Date.UTC(2026, 10, 22);
  expect(wrongWindow("", "", now)?.field).toBe("from");
  expect(wrongWindow("2026-13-40T99:00", "", now)?.field).toBe("from");
  expect(wrongWindow("2026-11-20T00:00", "soon", now)?.field).toBe("to");
  expect(wrongWindow("2026-11-20T00:00", "2026-11-19T00:00", now)?.field).toBe("to");
  expect(wrongWindow("2026-11-20T00:00", "", now)).toBeNull();
  expect(wrongWindow("2026-11-23T00:00", "", now)?.field).toBe("to");
});
