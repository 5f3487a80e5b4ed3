import { expect, test } from "vitest";
import { Scheduler } from "./scheduler";

/** Frames and time are moved by hand; drawing a chart takes `cost` milliseconds. */
function scene(cost: number) {
  let now = 0;
  let pending: (() => void) | null = null;
  const drawn: string[] = [];
  const scheduler = new Scheduler(
    (run) => {
      pending = run;
    },
    () => now,
  );
  const chart = (name: string, due = 0) => ({
    due: () => due,
    draw: () => {
      drawn.push(name);
      now += cost;
    },
  });
  const frame = () => {
    const run = pending;
    pending = null;
    run?.();
    return drawn.splice(0);
  };
  return { scheduler, chart, frame, idle: () => pending === null };
}

test("a frame stops drawing at its budget, the next begins where it stopped", () => {
  const { scheduler, chart, frame } = scene(5);
  for (const name of ["a", "b", "c"]) scheduler.add(chart(name));
  expect(frame()).toEqual(["a", "b"]);
  expect(frame()).toEqual(["c", "a"]);
});

test("what changes no pixel is not drawn", () => {
  const { scheduler, chart, frame } = scene(1);
  scheduler.add(chart("later", Infinity));
  scheduler.add(chart("due"));
  expect(frame()).toEqual(["due"]);
});

test("without charts there are no frames", () => {
  const { scheduler, chart, frame, idle } = scene(1);
  const only = chart("a");
  scheduler.add(only);
  scheduler.remove(only);
  frame();
  expect(idle()).toBe(true);
});
