import { expect, test } from "vitest";
import type { Sensor } from "../types";
import type { Board } from "./board";
import { keyOf, nameOf, Together, type Line } from "./together";

const temperature: Sensor = {
  sensor: "temperature",
  unit: "Cel",
  kind: "gauge",
  kind_by_owner: false,
  interval_ms: 1_000,
  last: null,
};
const board = (device: string, revision: number, settled: boolean) =>
  ({
    device,
    revision,
    settled,
    window: () => ({ from: revision, to: 9, live: true }),
    columns: () => ({ t: [revision], avg: [], min: [], max: [], gaps: [] }),
  }) as unknown as Board;

test("each line is drawn by the board of its device, in the window of the first", () => {
  const together = new Together(board("a", 1, true), [board("b", 2, true), board("c", 3, false)]);
  const line = (device: string): Line => ({ ...temperature, device, called: `the ${device}` });
  expect(["a", "b", "c"].map((device) => together.columns(line(device), 0, 9).t[0])).toEqual([1, 2, 3]);
  expect([together.window().from, together.revision, together.settled, together.device]).toEqual([1, 6, false, "a"]);
  expect([nameOf(line("b")), keyOf(line("b")), nameOf(temperature), keyOf(temperature)]).toEqual([
    "the b",
    "b temperature",
    "Temperature",
    "temperature",
  ]);
});
