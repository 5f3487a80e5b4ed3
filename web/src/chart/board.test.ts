import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LiveMessage, Millis, QueryResult, Sensor } from "../types";
import { Board } from "./board";

const NOW = 1_000_000;
const LIVE = { from: "now-1m", to: "now" };
const PAUSED = { from: "900000", to: "960000" };
const temp: Sensor = {
  sensor: "temp",
  unit: "°C",
  kind: "gauge",
  kind_by_owner: false,
  interval_ms: 1_000,
  last: null,
};

/** A hub whose answers come when the test says so. */
function scene(since: Millis | null = null) {
  const questions: { from: Millis; to: Millis; answer: (values: [Millis, number][]) => Promise<void> }[] = [];
  const failures: unknown[] = [];
  const board = new Board("d", since, {
    query: ([query]) =>
      new Promise<QueryResult[]>((resolve) => {
        const answer = async (values: [Millis, number][]) => {
          const column = values.map(([, value]) => value);
          const series = {
            device: "d",
            sensor: "temp",
            unit: "°C",
            t: values.map(([at]) => at),
            count: values.map(() => 1),
            min: column,
            max: column,
            avg: column,
            first: column,
            last: column,
          };
          resolve([{ series: [series], source: "raw", truncated: false, next: null, note: null }]);
          await vi.advanceTimersByTimeAsync(0);
        };
        questions.push({ from: query!.from, to: query!.to, answer });
      }),
    now: () => NOW,
    points: () => 60,
    failed: (error) => failures.push(error),
    filled: () => {},
  });
  const values = () => board.columns(temp, 0, 2 * NOW).avg.filter((value) => value !== null);
  const hear = (at: Millis, value: number, lane: "live" | "recovered" = "live") =>
    board.receive({ type: "readings", id: 1, lane, rows: [["d", "temp", at, value]] } satisfies LiveMessage);
  return { board, questions, values, hear };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("history, then live rows behind it", async () => {
  const { board, questions, values, hear } = scene();
  board.show([temp], LIVE);
  await questions[0]!.answer([
    [990_000, 1],
    [991_000, 2],
  ]);
  hear(NOW + 500, 3);
  expect(values()).toEqual([1, 2, 3]);
});

test("an answer that was overtaken by a later question is not shown", async () => {
  const { board, questions, values } = scene();
  board.show([temp], LIVE);
  void board.fill();
  await questions[1]!.answer([[990_000, 2]]);
  await questions[0]!.answer([[990_000, 1]]);
  expect(values()).toEqual([2]);
});

test("a paused board takes no live rows, and asks again when it returns to live", async () => {
  const { board, questions, values, hear } = scene();
  board.show([temp], LIVE);
  await questions[0]!.answer([[950_000, 1]]);
  board.show([temp], PAUSED);
  hear(NOW + 500, 3);
  expect(values()).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1_000);
  board.show([temp], LIVE);
  expect(questions).toHaveLength(3);
});

test("a drag asks once, where it comes to rest", async () => {
  const { board, questions } = scene();
  board.show([temp], PAUSED);
  for (let step = 1; step <= 20; step++) {
    board.show([temp], { from: String(900_000 - step * 1_000), to: String(960_000 - step * 1_000) });
    await vi.advanceTimersByTimeAsync(16);
  }
  await vi.advanceTimersByTimeAsync(500);
  expect(questions.slice(1).map((question) => question.from)).toEqual([880_000]);
});

test("a burst of recovered rows or gaps is one question", async () => {
  const { board, questions, hear } = scene();
  board.show([temp], LIVE);
  await questions[0]!.answer([]);
  for (let i = 0; i < 50; i++) hear(950_000 + i, i, "recovered");
  board.receive({ type: "gap", id: 1, since: 1 });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(questions).toHaveLength(2);
});

test("rows of another device are not drawn", async () => {
  const { board, questions, values } = scene();
  board.show([temp], LIVE);
  await questions[0]!.answer([]);
  board.receive({ type: "readings", id: 1, lane: "live", rows: [["other", "temp", NOW + 1, 9]] });
  expect(values()).toEqual([]);
});

test("the window of a device that was just added grows with its data", async () => {
  const { board, questions, hear } = scene(NOW - 10_000);
  board.show([temp], { from: "now-5m", to: "now" });
  expect(questions[0]!.from).toBe(NOW - 300_000);
  await questions[0]!.answer([[NOW - 8_000, 1]]);
  expect(board.window()).toEqual({ from: NOW - 30_000, to: NOW, live: true });
  hear(NOW + 1, 2);
  board.show([temp], { from: "now-1h", to: "now" });
  expect(board.window().from).toBe(NOW - 3_600_000);
});

test("that of an old device does not, though its data begin late", async () => {
  const { board, questions } = scene(NOW - 3_600_000);
  board.show([temp], { from: "now-5m", to: "now" });
  await questions.at(-1)!.answer([[NOW - 8_000, 1]]);
  expect(board.window().from).toBe(NOW - 300_000);
});
