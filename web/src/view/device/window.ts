// The window of time that the charts of a device show, and what moves it. It stands in the address bar.

import { useRef } from "preact/hooks";
import { go, serverNow, state } from "../../app";
import type { Board } from "../../chart/board";
import { parseSpan } from "../../format";
import { MORE_SPANS, SPANS } from "../../picker";
import { between, DEFAULT_RANGE, last, resolve, type Range, type Route } from "../../route";
import type { Device, Millis } from "../../types";

type DeviceRoute = Extract<Route, { view: "device" }>;

/** Narrower than this a window shows single readings anyway. */
export const NARROWEST_MS = 1_000;
const WIDEST_MS = 5 * 365 * 86_400_000;

export type Shown = ReturnType<typeof useWindow>;

/** The window, null if the address holds none, and what shows another one. */
export function useWindow(device: Device, route: DeviceRoute, board: Board) {
  const passed = useRef<Range[]>([]);
  const window = resolve(route.range, serverNow());
  const live = window?.live ?? true;
  // A key may follow another before the page is drawn again:
  // what is shown is in the address, not in this drawing of it.
  const here = () => {
    const now = state.peek().route;
    return now.view === "device" && now.id === device.id ? now : route;
  };
  const showing = () => resolve(here().range, serverNow()) ?? board.window();
  const show = (range: Range, how: "push" | "replace" = "push") => {
    if (how === "push") passed.current = [...passed.current.slice(-20), here().range];
    go({ ...here(), range }, how);
  };
  const hold = (from: Millis, to: Millis, how: "push" | "replace" = "push") => {
    const width = Math.max(NARROWEST_MS, Math.min(WIDEST_MS, to - from));
    const middle = (from + to) / 2;
    show(between(middle - width / 2, middle + width / 2), how);
  };
  const actions = {
    zoom: (from: Millis, to: Millis, step: boolean) => hold(from, to, step && !showing().live ? "replace" : "push"),
    pan: (by: Millis) => {
      const now = showing();
      hold(now.from + by, now.to + by, now.live ? "push" : "replace");
    },
    // Its own way back: the browser's may lead out of this page.
    back: () => go({ ...here(), range: passed.current.pop() ?? DEFAULT_RANGE }),
    scale: (factor: number) => {
      const { from, to, live } = showing();
      if (live) show(last(Math.max(10_000, Math.round(((to - from) * factor) / 1000) * 1000)));
      else hold((from + to) / 2 - ((to - from) * factor) / 2, (from + to) / 2 + ((to - from) * factor) / 2);
    },
    step: (part: number) => {
      const now = showing();
      actions.pan((now.to - now.from) * part);
    },
    pause: () => {
      const { from, to } = showing();
      hold(from, to);
    },
    resume: () => {
      const { from, to } = showing();
      show(last(nearestSpan(to - from)));
    },
    toggle: () => (showing().live ? actions.pause() : actions.resume()),
  };
  return { window, live, show, hold, actions };
}

/** The offered window closest to a width, so that returning to live gives a readable address. */
function nearestSpan(ms: number): number {
  const offered = [...SPANS, ...MORE_SPANS].map(([span]) => parseSpan(span)!);
  return offered.reduce((best, one) => (Math.abs(Math.log(one / ms)) < Math.abs(Math.log(best / ms)) ? one : best));
}
