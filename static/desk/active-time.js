// Active time: the time between signs of activity (keys, pointer, scrolling), without gaps of more than
// 30 seconds and without hidden tabs.

const LONGEST_GAP_MS = 30000;
const SIGNS = ["keydown", "pointerdown", "pointermove", "wheel", "scroll", "touchmove"];

export class ActiveTime {
  constructor() {
    this.active = 0;
    this.lastSign = performance.now();
    for (const sign of SIGNS) addEventListener(sign, () => this.mark(), { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.mark();
      else this.lastSign = performance.now();
    });
  }

  mark() {
    const now = performance.now();
    const gap = now - this.lastSign;
    this.lastSign = now;
    if (gap > 0 && gap <= LONGEST_GAP_MS && !document.hidden) this.active += gap;
  }

  /** Active milliseconds since the last lap. */
  lap() {
    this.mark();
    const spent = Math.round(this.active);
    this.active = 0;
    return spent;
  }
}
