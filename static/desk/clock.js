// Active time: what passes between signs of life (keys, pointer, scrolling), gaps of more than
// 30 seconds and hidden tabs left out.

const GAP_MS = 30000;

export class Clock {
  constructor() {
    this.active = 0;
    this.seen = performance.now();
    for (const sign of ["keydown", "pointerdown", "pointermove", "wheel", "scroll", "touchmove"])
      addEventListener(sign, () => this.mark(), { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.mark();
      else this.seen = performance.now();
    });
  }

  mark() {
    const now = performance.now();
    const gap = now - this.seen;
    this.seen = now;
    if (gap > 0 && gap <= GAP_MS && !document.hidden) this.active += gap;
  }

  /** Active milliseconds since the last lap. */
  lap() {
    this.mark();
    const spent = Math.round(this.active);
    this.active = 0;
    return spent;
  }
}
