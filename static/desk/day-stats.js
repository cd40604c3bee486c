// The day's count, and the last submission, which undo reaches also after a reload.

import { byId } from "./page.js";
import { showDay } from "./status.js";

const { done, active, last, lastActive, lastSteps } = byId("desk").dataset;

export class DayStats {
  constructor(session, pace) {
    this.pace = pace;
    this.count = Number(done);
    this.active = Number(active);
    this.last = last ? { id: Number(last), active: Number(lastActive), steps: Number(lastSteps) } : null;
    session.on("finish", (submission) => {
      this.last = submission;
      this.add(1);
    });
    showDay(this.count, this.active);
  }

  /** The last submission was undone. */
  removeLast() {
    this.add(-1);
    this.last = null;
  }

  add(sign) {
    this.count += sign;
    this.active += sign * this.last.active;
    this.pace.add(sign * this.last.steps, sign * this.last.active);
    showDay(this.count, this.active);
  }
}
