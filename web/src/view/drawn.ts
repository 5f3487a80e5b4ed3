// A chart on the page: made where its place is, drawn with the others, taken away with it.

import { useEffect, useRef } from "preact/hooks";
import type { Chart } from "../chart/chart";
import { scheduler } from "../chart/scheduler";

// Paper holds all of them as they are now.
addEventListener("beforeprint", () => scheduler.drawAll());

/** The chart that `make` draws into `root`; made anew when one of `because` changes. */
export function useChart(
  root: { readonly current: HTMLDivElement | null },
  make: (root: HTMLDivElement) => Chart,
  because: readonly unknown[],
) {
  const chart = useRef<Chart | null>(null);
  useEffect(() => {
    if (!root.current) return;
    const made = make(root.current);
    chart.current = made;
    scheduler.add(made);
    return () => {
      scheduler.remove(made);
      made.destroy();
      chart.current = null;
    };
  }, because as unknown[]);
  return chart;
}
