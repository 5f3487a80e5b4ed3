// One chart on a canvas: uPlot, taught to draw gaps as gaps, spikes as a band, thresholds, and firing time. A family of
// sensors is drawn as several lines on one axis, then without bands.
//
// It draws what `Source` gives it and tells what a person did (`Gestures`);
// it asks nothing of the hub and keeps no points.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axisTime, digits, scale, valueTicks } from "../format";
import { redrawPeriod, shareRange, valueRange, type Columns } from "../series";
import type { Millis } from "../types";
import { wall } from "../zone";
import { drawOver, drawUnder, type Beside } from "./paint";
import type { Drawable } from "./scheduler";
import { inside, TIME_STEPS } from "./time_axis";

interface Source extends Beside {
  window(): { from: Millis; to: Millis; live: boolean };
  /** One a line. */
  lines(from: Millis, to: Millis): Columns[];
  /** Rises with every change of the points; what was drawn already is not drawn again. */
  revision(): number;
}

export interface Gestures {
  /** `step` is one of many small ones: not each is worth a step back. */
  zoom(from: Millis, to: Millis, step: boolean): void;
  pan(byMs: number): void;
  back(): void;
  /** The point under the cursor, one value a line, or null when it left. */
  cursor(at: Millis | null, values: readonly Under[]): void;
}

/** What lies under the cursor on one line; nulls where nothing was measured. */
export interface Under {
  avg: number | null;
  min: number | null;
  max: number | null;
}

export interface Look {
  unit(): string;
  steps: boolean;
  /** Custom properties that hold the colours of the lines, one each. */
  colors: readonly string[];
}

/** Lines of one chart differ by colour and by their dashes. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4], [1, 2]];

/** Okabe-Ito hues as custom properties. */
export const COLORS = ["--s0", "--s1", "--s2", "--s3", "--s4", "--s5"] as const;

const CURSOR_KEY = "cursor";
/** Within this distance the cursor counts as at a value. */
const NEAR_PX = 12;
/** Pause between two drawings of a chart off the screen; it is drawn because a picture of the whole page holds it. */
const UNSEEN_EVERY_MS = 5_000;
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const dark = matchMedia("(prefers-color-scheme: dark)");

export class Chart implements Drawable {
  private readonly plot: uPlot;
  private readonly resized: ResizeObserver;
  private readonly seen: IntersectionObserver;
  private visible = true;
  private width = 0;
  private nextAt = 0;
  private drawnRevision = -1;
  private drawnWindow = "";
  private gaps: Columns["gaps"] = [];
  private colors: Record<string, string> = {};
  private cursorAt: number | null = null;
  /** While a hand drags, the picture stands still: what lies under the selection is what will be shown. */
  private held = false;
  private readonly repaint = () => this.readColors();
  private readonly release = () => {
    this.held = false;
  };

  constructor(
    private readonly root: HTMLElement,
    private readonly source: Source,
    private readonly gestures: Gestures,
    private readonly look: Look,
  ) {
    this.readColors();
    this.plot = new uPlot(
      this.options(),
      look.colors.length === 1 ? [[], [], [], []] : [[], ...look.colors.map(() => [])],
      root,
    );
    this.bindPan();
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(root);
    this.seen = new IntersectionObserver(
      ([entry]) => {
        this.visible = entry?.isIntersecting ?? true;
        this.nextAt = 0;
      },
      { rootMargin: "120px" },
    );
    this.seen.observe(root);
    dark.addEventListener("change", this.repaint);
  }

  due(): number {
    return this.width > 0 && !this.held ? this.nextAt : Infinity;
  }

  draw(now: number): void {
    const { from, to, live } = this.source.window();
    const revision = this.source.revision();
    const window = `${from} ${to}`;
    this.nextAt = now + (live ? redrawPeriod(to - from, this.width) : 100);
    if (!this.visible) this.nextAt = Math.max(this.nextAt, now + UNSEEN_EVERY_MS);
    if (live && reducedMotion.matches) this.nextAt = Math.max(this.nextAt, now + 1_000);
    if (revision === this.drawnRevision && window === this.drawnWindow) return;
    this.drawnRevision = revision;
    this.drawnWindow = window;
    const lines = this.source.lines(from, to);
    const [only] = lines;
    if (!only) return;
    this.gaps = only.gaps;
    const data: uPlot.AlignedData =
      lines.length === 1 ? [only.t, only.avg, only.min, only.max] : uPlot.join(lines.map((line) => [line.t, line.avg]));
    this.plot.batch(() => {
      this.plot.setData(data, false);
      this.plot.setScale("x", { min: from, max: to });
    });
    const last = data[0].at(-1);
    if (last !== undefined) this.root.dataset["lastAt"] = String(Math.round(last));
    this.root.dataset["gaps"] = String(only.gaps.length);
  }

  /** Moves the cursor by points, for the keyboard; begins at the newest. */
  step(by: number): void {
    const t = this.plot.data[0];
    if (t.length === 0) return;
    const index = this.cursorAt === null ? t.length - 1 : Math.max(0, Math.min(t.length - 1, this.cursorAt + by));
    this.plot.setCursor({ left: this.plot.valToPos(t[index]!, "x"), top: 0 });
  }

  /** Thresholds or firing time changed: draw again though the points did not. */
  touch(): void {
    this.drawnRevision = -1;
    this.nextAt = 0;
  }

  destroy(): void {
    removeEventListener("mouseup", this.release);
    dark.removeEventListener("change", this.repaint);
    this.resized.disconnect();
    this.seen.disconnect();
    this.plot.destroy();
  }

  private options(): uPlot.Options {
    const color = (name: string) => () => this.colors[name] ?? "#888";
    const axis: uPlot.Axis = {
      stroke: color("--ink-3"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
      font: "11px ui-sans-serif, system-ui, sans-serif",
      gap: 6,
    };
    const marks: uPlot.Axis.Filter = (plot, splits) => inside(splits, plot.scales["x"]?.max ?? Infinity);
    const edge: uPlot.Series = {
      points: { show: false },
      stroke: "transparent",
      width: 0,
      ...(this.look.steps ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
    };
    return {
      width: 300,
      height: 180,
      ms: 1,
      // Marks stand on whole hours and days of the page's zone: uPlot reads a date's local fields.
      tzDate: (at) => {
        const time = wall(at);
        return new Date(
          time.getUTCFullYear(),
          time.getUTCMonth(),
          time.getUTCDate(),
          time.getUTCHours(),
          time.getUTCMinutes(),
          time.getUTCSeconds(),
          time.getUTCMilliseconds(),
        );
      },
      pxAlign: 1,
      legend: { show: false },
      padding: [10, 18, 0, 0],
      scales: {
        x: { time: true, auto: false },
        // A share of a whole is drawn as one: from nothing to all.
        y: {
          range: (_plot, min, max) =>
            scale(this.look.unit(), 0).unit === "%"
              ? shareRange(min ?? null, max ?? null)
              : valueRange(
                  min ?? null,
                  max ?? null,
                  this.source.thresholds().map((threshold) => threshold.value),
                ),
        },
      },
      axes: [
        {
          ...axis,
          size: 26,
          space: 72,
          incrs: [...TIME_STEPS],
          filter: marks,
          grid: { ...axis.grid, filter: marks },
          values: (_plot, splits, _axis, _space, increment) =>
            splits.map((at) => (at === null ? "" : axisTime(at, increment, Date.now()))),
        },
        {
          ...axis,
          // The same width for usual labels, so that the time axes of all charts stand under each other.
          size: (_plot, values) => Math.max(58, 14 + 6.6 * Math.max(0, ...(values ?? []).map((value) => value.length))),
          space: 32,
          splits: (_plot, _axis, min, max, increment) =>
            valueTicks(this.look.unit(), min, max, increment).map((tick) => tick.value),
          values: (plot, splits) => {
            const { min = 0, max = 1 } = plot.scales["y"]!;
            const labels = new Map(
              valueTicks(this.look.unit(), min, max, splits.length > 1 ? splits[1]! - splits[0]! : 1).map((tick) => [
                tick.value,
                tick.label,
              ]),
            );
            return splits.map((value) => labels.get(value) ?? digits(value));
          },
        },
      ],
      series: [
        {},
        ...this.look.colors.map((_, i) => this.line(i)),
        ...(this.look.colors.length === 1 ? [edge, edge] : []),
      ],
      bands: this.look.colors.length === 1 ? [{ series: [3, 2], fill: () => `${this.color(0)}2e` }] : [],
      cursor: {
        y: false,
        points: { size: 7, show: true },
        drag: { x: true, y: false, setScale: false },
        // Only the pointer is shared: a drag belongs to the chart it was made on.
        sync: {
          key: CURSOR_KEY,
          setSeries: false,
          filters: { pub: (type) => type === "mousemove" || type === "mouseleave" },
        },
        bind: {
          dblclick: () => () => {
            this.gestures.back();
            return null;
          },
          mousedown: (plot, _target, handle) => (event) => {
            if (event.shiftKey) return null;
            // The card may have moved since uPlot last looked where it is.
            plot.syncRect(true);
            if (event.button === 0) {
              this.held = true;
              addEventListener("mouseup", this.release, { once: true });
            }
            return handle(event);
          },
        },
      },
      hooks: {
        setSelect: [(plot) => this.selected(plot)],
        setCursor: [(plot) => this.cursorMoved(plot)],
        drawAxes: [(plot) => drawUnder(plot, this.colors, this.gaps, this.source.thresholds())],
        draw: [(plot) => drawOver(plot, this.colors, this.source)],
      },
    };
  }

  private color(line: number): string {
    return this.colors[this.look.colors[line] ?? ""] ?? "#888888";
  }

  private line(i: number): uPlot.Series {
    return {
      stroke: () => this.color(i),
      width: 1.75,
      dash: [...DASHES[i % DASHES.length]!],
      points: { show: (plot, _series, from, to) => to - from < plot.width / 24 && to - from < 40, size: 4 },
      spanGaps: false,
      ...(this.look.steps ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
    };
  }

  private selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 6) return;
    const from = plot.posToVal(left, "x");
    const to = plot.posToVal(left + width, "x");
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.gestures.zoom(from, to, false);
  }

  private cursorMoved(plot: uPlot): void {
    const index = plot.cursor.idx;
    const outside = index === null || index === undefined || (plot.cursor.left ?? -1) < 0;
    this.cursorAt = outside ? null : index;
    if (outside) {
      this.gestures.cursor(null, []);
      return;
    }
    const [t, ...values] = plot.data;
    const at = (column: number) => values[column]?.[plot.cursor.idxs?.[column + 1] ?? index] ?? null;
    const here = plot.posToVal(plot.cursor.left ?? 0, "x");
    const near = plot.posToVal(NEAR_PX, "x") - plot.posToVal(0, "x");
    const isOff =
      here < t[0]! - near ||
      here > t[t.length - 1]! + near ||
      this.gaps.some(([from, to]) => here > from + near && here < to - near);
    // The nearest is far away: here nothing was measured.
    if (isOff) {
      const nothing = this.look.colors.map(() => ({ avg: null, min: null, max: null }));
      this.gestures.cursor(here, nothing);
      return;
    }
    const under =
      this.look.colors.length === 1
        ? [{ avg: at(0), min: at(1), max: at(2) }]
        : this.look.colors.map((_, i) => ({ avg: at(i), min: at(i), max: at(i) }));
    this.gestures.cursor(t[index] ?? null, under);
  }

  private resize(): void {
    const { width, height } = this.root.getBoundingClientRect();
    if (width < 40 || height < 40) return;
    this.width = width;
    this.plot.setSize({ width: Math.floor(width), height: Math.floor(height) });
    this.nextAt = 0;
  }

  private readColors(): void {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["--ink-3", "--line", "--gap", "--bad", "--card", ...this.look.colors])
      this.colors[name] = style.getPropertyValue(name).trim();
    this.drawnRevision = -1;
    this.nextAt = 0;
  }

  /** Shift-drag with a mouse, two fingers on glass; Ctrl and wheel (a trackpad's pinch) zooms at the pointer. */
  private bindPan(): void {
    const { over } = this.plot;
    over.addEventListener(
      "wheel",
      (event) => {
        // The plain wheel scrolls the page.
        if (!event.ctrlKey) return;
        event.preventDefault();
        const { from, to } = this.source.window();
        const at = from + ((to - from) * event.offsetX) / Math.max(1, over.clientWidth);
        const factor = Math.exp(event.deltaY / 200);
        this.gestures.zoom(at - (at - from) * factor, at + (to - at) * factor, true);
      },
      { passive: false },
    );
    let x: number | null = null;
    const move = (at: number) => {
      if (x === null) return;
      const { from, to } = this.source.window();
      this.gestures.pan(((x - at) / Math.max(1, over.clientWidth)) * (to - from));
      x = at;
    };
    over.addEventListener("pointerdown", (event) => {
      if (!event.shiftKey || event.button !== 0) return;
      x = event.clientX;
      over.setPointerCapture(event.pointerId);
    });
    over.addEventListener("pointermove", (event) => move(event.clientX));
    over.addEventListener("pointerup", () => (x = null));
    // One finger reads values, and leaves them standing when it is lifted; up and down still scrolls the page.
    const read = (event: TouchEvent) => {
      const [finger] = event.touches;
      if (event.touches.length === 1 && finger)
        this.plot.setCursor({ left: finger.clientX - over.getBoundingClientRect().left, top: 1 });
    };
    over.addEventListener("touchstart", read, { passive: true });
    over.addEventListener("touchmove", read, { passive: true });
    const middle = (event: TouchEvent) => (event.touches[0]!.clientX + event.touches[1]!.clientX) / 2;
    const pinched = (then: (at: number) => void) => (event: TouchEvent) => {
      if (event.touches.length === 2) then(middle(event));
    };
    const begin = (at: number) => {
      x = at;
    };
    over.addEventListener("touchstart", pinched(begin), { passive: true });
    over.addEventListener("touchmove", pinched(move), { passive: true });
    over.addEventListener("touchend", () => (x = null), { passive: true });
  }
}
