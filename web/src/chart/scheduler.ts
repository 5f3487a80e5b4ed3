// The one redraw loop of the page: charts take turns, and no frame is spent on drawing for longer than its budget.
//
// A chart is drawn when its next pixel is due, far less often where it is off the screen, and only while the tab is
// visible (a hidden tab gets no frames). Who did not get a turn in this frame is first in the next.

/** Half a frame at 60 Hz: input and layout keep the other half. */
const FRAME_BUDGET_MS = 8;

export interface Drawable {
  /** Time of the next redraw that changes a pixel; Infinity when there is none. */
  due(): number;
  draw(now: number): void;
}

export class Scheduler {
  private readonly turns: Drawable[] = [];
  private running = false;

  constructor(
    private readonly frame: (run: () => void) => void,
    private readonly now: () => number,
  ) {}

  add(drawable: Drawable): void {
    this.turns.push(drawable);
    this.run();
  }

  remove(drawable: Drawable): void {
    const at = this.turns.indexOf(drawable);
    if (at >= 0) this.turns.splice(at, 1);
  }

  /** Draws all of them now, those off the screen as well: a picture of the page holds them. */
  drawAll(): void {
    for (const drawable of this.turns) drawable.draw(this.now());
  }

  private run(): void {
    if (this.running || this.turns.length === 0) return;
    this.running = true;
    this.frame(() => {
      this.running = false;
      this.turn();
      this.run();
    });
  }

  private turn(): void {
    const start = this.now();
    for (let left = this.turns.length; left > 0; left--) {
      const drawable = this.turns.shift()!;
      this.turns.push(drawable);
      if (drawable.due() > start) continue;
      drawable.draw(start);
      if (this.now() - start > FRAME_BUDGET_MS) return;
    }
  }
}

export const scheduler = new Scheduler(
  (run) => void requestAnimationFrame(run),
  () => performance.now(),
);
