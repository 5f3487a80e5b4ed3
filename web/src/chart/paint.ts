// What is painted into a chart beside its lines: gaps, limits, moments, and when something fired.

import uPlot from "uplot";
import type { Columns } from "../series";
import type { Millis } from "../types";

export interface Threshold {
  value: number;
  /** Which side is bad. */
  above: boolean;
  label: string;
}

export interface Mark {
  at: Millis;
  label: string;
  /** The readings begin with it: its name stands before them or not at all. */
  leads?: boolean;
}

export interface Beside {
  thresholds(): readonly Threshold[];
  /** From when until when; null while it still fires. */
  firing(): readonly [Millis, Millis | null][];
  /** What happened to the device: an upright line with its name. */
  marks(): readonly Mark[];
}

/** Custom properties and what they are now. */
type Colors = Readonly<Record<string, string>>;

/** Behind the line: where nothing was measured, and where a value would be bad. */
export function drawUnder(plot: uPlot, colors: Colors, gaps: Columns["gaps"], thresholds: readonly Threshold[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colors["--gap"] ?? "#8882";
  for (const [from, to] of gaps) {
    const left = plot.valToPos(from, "x", true);
    ctx.fillRect(left, bbox.top, plot.valToPos(to, "x", true) - left, bbox.height);
  }
  for (const threshold of thresholds) {
    const y = plot.valToPos(threshold.value, "y", true);
    ctx.fillStyle = `${colors["--bad"] ?? "#cc0000"}14`;
    if (threshold.above) ctx.fillRect(bbox.left, bbox.top, bbox.width, Math.max(0, y - bbox.top));
    else ctx.fillRect(bbox.left, y, bbox.width, bbox.top + bbox.height - y);
  }
  ctx.restore();
}

/** Over the line: thresholds with their names, and when the alert fired as a ribbon on the time axis. */
export function drawOver(plot: uPlot, colors: Colors, beside: Beside): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = ctx.fillStyle = colors["--bad"] ?? "#cc0000";
  ctx.lineWidth = ratio;
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.font = `${11 * ratio}px ui-sans-serif, system-ui, sans-serif`;
  const limits = beside
    .thresholds()
    .map(({ value, label }) => ({ label, y: Math.round(plot.valToPos(value, "y", true)) + 0.5 }))
    .filter(({ y }) => y >= bbox.top && y <= bbox.top + bbox.height);
  for (const { y } of limits) {
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  // Names after all lines: none is struck through by the line of another.
  const baselines = namesAt(
    limits.map(({ y }) => y / ratio),
    bbox.top / ratio,
  );
  limits.forEach(({ label }, i) => {
    drawName(ctx, colors, label, bbox.left + 6 * ratio, baselines[i]! * ratio, bbox.width / 2);
  });
  drawMarks(plot, colors, beside.marks());
  ctx.setLineDash([]);
  ctx.fillStyle = colors["--bad"] ?? "#cc0000";
  for (const [from, to] of beside.firing()) {
    const left = plot.valToPos(from, "x", true);
    const right = to === null ? bbox.left + bbox.width : plot.valToPos(to, "x", true);
    ctx.fillRect(left, bbox.top + bbox.height - 4 * ratio, Math.max(2 * ratio, right - left), 4 * ratio);
  }
  ctx.restore();
}

/** Height of a name, with the room around it. */
const NAME_PX = 14;

/** Where the names of lines stand, in CSS pixels: above their line, below it at the top, and never two in one place. */
export function namesAt(lines: readonly number[], top: number): number[] {
  const taken: number[] = [];
  const isFree = (baseline: number) =>
    baseline - NAME_PX >= top - 2 && taken.every((other) => Math.abs(other - baseline) >= NAME_PX);
  return lines.map((y) => {
    const [above, below] = [y - 5, y + 13];
    const at = [above, below].find(isFree) ?? Math.max(below, ...taken.map((other) => other + NAME_PX));
    taken.push(at);
    return at;
  });
}

/** A rim in the colour of the card keeps a name readable where a line crosses it. */
function drawName(
  ctx: CanvasRenderingContext2D,
  colors: Colors,
  text: string,
  x: number,
  baseline: number,
  most?: number,
): void {
  ctx.save();
  ctx.setLineDash([]);
  ctx.lineWidth = 5 * uPlot.pxRatio;
  ctx.lineJoin = "round";
  ctx.strokeStyle = colors["--card"] ?? "#fff";
  ctx.strokeText(text, x, baseline, most);
  ctx.restore();
  ctx.fillText(text, x, baseline, most);
}

function drawMarks(plot: uPlot, colors: Colors, marks: readonly Mark[]): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  ctx.strokeStyle = ctx.fillStyle = colors["--ink-3"] ?? "#666";
  for (const { at, label, leads } of marks) {
    const { min = 0, max = 0 } = plot.scales["x"]!;
    if (at < min || at > max) continue;
    // Of a moment ago it is at the edge, and not behind it.
    const x = Math.min(Math.round(plot.valToPos(at, "x", true)), bbox.left + bbox.width - 1) + 0.5;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    // Before it where there is room: after it are the readings that it is about.
    const before = x - bbox.left > ctx.measureText(label).width + 8 * ratio;
    if (leads && !before) continue;
    ctx.textAlign = before ? "right" : "left";
    drawName(ctx, colors, label, x + (before ? -5 : 5) * ratio, bbox.top + 12 * ratio);
  }
}
