// One sensor of several devices as the lines of one chart:
// each device keeps a board of its own, the first one's window counts.

import { clean } from "../format";
import { member } from "../names";
import type { Columns, Summary } from "../series";
import type { Millis, Sensor } from "../types";
import type { Board } from "./board";

/** What a chart needs of a board. */
export type Picture = Pick<Board, "device" | "window" | "revision" | "settled" | "columns" | "summary">;

/** A sensor as a line among those of other devices. */
export interface Line extends Sensor {
  device: string;
  /** The device's name. */
  called: string;
}

/** What a line is called among the others of its chart: by its device where that is what differs. */
export const nameOf = (line: Sensor): string => ("called" in line ? clean((line as Line).called) : member(line.sensor));

/** Tells a line from the others of its chart. */
export const keyOf = (line: Sensor): string =>
  "device" in line ? `${(line as Line).device} ${line.sensor}` : line.sensor;

export class Together implements Picture {
  private readonly boards: ReadonlyMap<string, Board>;

  constructor(
    private readonly first: Board,
    others: readonly Board[],
  ) {
    this.boards = new Map([first, ...others].map((board) => [board.device, board]));
  }

  get device(): string {
    return this.first.device;
  }

  get revision(): number {
    return [...this.boards.values()].reduce((sum, board) => sum + board.revision, 0);
  }

  get settled(): boolean {
    return [...this.boards.values()].every((board) => board.settled);
  }

  window(): { from: Millis; to: Millis; live: boolean } {
    return this.first.window();
  }

  columns(line: Sensor, from: Millis, to: Millis): Columns {
    return this.of(line).columns(line, from, to);
  }

  summary(line: Sensor): Summary {
    return this.of(line).summary(line);
  }

  private of(line: Sensor): Board {
    return this.boards.get((line as Partial<Line>).device ?? "") ?? this.first;
  }
}
