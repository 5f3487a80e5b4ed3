// The charts of the page as one picture: what they are of, which time they show, each with its name and its lines.
//
// It is drawn from what is on the screen, so that it shows what a person saw: the same colours, the same numbers.

import type { Millis } from "../types";
import { scheduler } from "./scheduler";

/** Charts in one picture; a browser refuses a canvas that is much higher. */
const MOST = 24;
const MARGIN = 24;
const FONT = "ui-sans-serif, system-ui, sans-serif";

interface Piece {
  title: string;
  value: string;
  lines: { color: string; dash: number[]; text: string }[];
  canvas: HTMLCanvasElement;
}

/** Saves the charts under `root` as `<name>.png`. False where there is nothing to draw, or the browser could not. */
export async function savePicture(root: ParentNode, title: string, span: string, name: string): Promise<boolean> {
  scheduler.drawAll();
  // uPlot paints at the end of the task.
  await new Promise((resolve) => setTimeout(resolve));
  const pieces = [...root.querySelectorAll<HTMLElement>("figure.chart")].flatMap(pieceOf).slice(0, MOST);
  if (pieces.length === 0) return false;
  const picture = draw(pieces, title, span);
  const blob = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/png"));
  if (blob === null) return false;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.png`;
  link.click();
  // The browser has its own hold on it by the next minute.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
}

/** `attic_20261124T100000Z_20261124T110000Z`: as the hub calls the readings of the same window. */
export function fileName(of: string, from: Millis, to: Millis): string {
  const kept = of.replace(/[^\p{L}\p{N}-]/gu, "_").replace(/^_+|_+$/g, "");
  const second = (at: Millis) => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  return `${kept || "charts"}_${second(from)}_${second(to)}`;
}

/** What a card shows; nothing of one that is a table now. */
function pieceOf(figure: HTMLElement): Piece[] {
  const bars = figure.querySelector<HTMLElement>(".scaled");
  const canvas = bars ? drawn(bars) : figure.querySelector<HTMLCanvasElement>(".canvas:not([hidden]) canvas");
  if (!canvas || canvas.width === 0) return [];
  const text = (selector: string) => figure.querySelector(selector)?.textContent?.replace(/\s+/g, " ").trim() ?? "";
  const lines = [...figure.querySelectorAll<HTMLElement>(".legend > span:has(.dash)")].map((line) => ({
    ...strokeOf(line),
    text: line.textContent?.replace(/\s+/g, " ").trim() ?? "",
  }));
  const readout = figure.querySelector(".readout:not(.legend)")
    ? [...figure.querySelectorAll(".readout > span")].map((one) => one.textContent ?? "").join("   ")
    : text(".amounts > p");
  const own = figure.querySelector<HTMLElement>("h2");
  return [
    {
      title: text("h2"),
      value: text(".big"),
      lines: lines.length > 0 || !own ? lines : [{ ...strokeOf(own), text: readout }],
      canvas,
    },
  ];
}

/** Bars and the figures beside them are no canvas yet: each is drawn where it stands. */
function drawn(bars: HTMLElement): HTMLCanvasElement {
  const ratio = devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  const ctx = canvas.getContext("2d")!;
  const whole = bars.getBoundingClientRect();
  [canvas.width, canvas.height] = [Math.round(whole.width * ratio), Math.round(whole.height * ratio)];
  ctx.scale(ratio, ratio);
  ctx.textBaseline = "middle";
  for (const part of bars.querySelectorAll<HTMLElement>(".bars, .bars .gap, .bars span, .heights span, .times span")) {
    const { left, top, width, height } = part.getBoundingClientRect();
    const look = getComputedStyle(part);
    const [x, y] = [left - whole.left, top - whole.top];
    ctx.fillStyle = look.backgroundColor;
    ctx.fillRect(x, y, width, height);
    if (part.matches(".bars")) {
      ctx.fillStyle = look.borderBottomColor;
      ctx.fillRect(x, y + height - 1, width, 1);
    } else if (!part.closest(".bars")) {
      ctx.font = `${look.fontSize} ${FONT}`;
      ctx.fillStyle = look.color;
      ctx.fillText(part.textContent ?? "", x, y + height / 2);
    }
  }
  return canvas;
}

function strokeOf(of: Element): { color: string; dash: number[] } {
  const path = of.querySelector(".dash path");
  return {
    color: path ? getComputedStyle(path).stroke : "#888",
    dash: (path?.getAttribute("stroke-dasharray") ?? "").split(" ").filter(Boolean).map(Number),
  };
}

function draw(pieces: readonly Piece[], title: string, span: string): HTMLCanvasElement {
  const ratio = devicePixelRatio || 1;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const width = Math.max(520, ...pieces.map(({ canvas }) => canvas.width / ratio)) + 2 * MARGIN;
  const picture = document.createElement("canvas");
  const ctx = picture.getContext("2d")!;
  // Wrapped first, since the height of the picture follows from it.
  ctx.font = `13px ${FONT}`;
  const rows = pieces.map(({ lines }) => rowsOf(ctx, lines, width - 2 * MARGIN));
  const height =
    MARGIN +
    52 +
    pieces.reduce((sum, { canvas }, i) => sum + 28 + rows[i]!.length * 20 + canvas.height / ratio + 20, 0) +
    MARGIN -
    20;
  [picture.width, picture.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  ctx.scale(ratio, ratio);
  ctx.fillStyle = color("--card");
  ctx.fillRect(0, 0, width, height);
  ctx.textBaseline = "top";
  const write = (text: string, x: number, y: number, font: string, ink: string, align: CanvasTextAlign = "left") => {
    ctx.font = `${font} ${FONT}`;
    ctx.fillStyle = color(ink);
    ctx.textAlign = align;
    ctx.fillText(text, x, y, width - 2 * MARGIN);
  };
  write(title, MARGIN, MARGIN, "600 20px", "--ink");
  write(span, MARGIN, MARGIN + 27, "13px", "--ink-3");
  let y = MARGIN + 60;
  pieces.forEach(({ title, value, canvas }, i) => {
    write(title, MARGIN, y, "600 15px", "--ink");
    if (value !== "") write(value, width - MARGIN, y, "600 15px", "--ink", "right");
    y += 26;
    for (const row of rows[i]!) {
      for (const { x, line } of row) {
        ctx.strokeStyle = line.color;
        ctx.lineWidth = 3;
        ctx.setLineDash(line.dash);
        ctx.beginPath();
        ctx.moveTo(MARGIN + x, y + 7);
        ctx.lineTo(MARGIN + x + 18, y + 7);
        ctx.stroke();
        write(line.text, MARGIN + x + 24, y, "13px", "--ink-2");
      }
      y += 20;
    }
    ctx.drawImage(canvas, MARGIN, y, canvas.width / ratio, canvas.height / ratio);
    y += canvas.height / ratio + 22;
  });
  return picture;
}

/** The names of lines beside each other, as far as they fit. */
function rowsOf(
  ctx: CanvasRenderingContext2D,
  lines: Piece["lines"],
  width: number,
): { x: number; line: Piece["lines"][number] }[][] {
  const rows: { x: number; line: Piece["lines"][number] }[][] = [];
  let x = Infinity;
  for (const line of lines) {
    const own = 24 + ctx.measureText(line.text).width + 20;
    if (x + own > width) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)!.push({ x, line });
    x += own;
  }
  return rows;
}
