// The day's count, and the last submission: undo reaches back across it, also after a reload.

import * as beside from "./beside.js";
import * as view from "./view.js";

const { done, active, last: lastId, lastActive, lastSteps } = document.getElementById("desk").dataset;
const day = { count: Number(done), active: Number(active) };
let last = lastId ? { id: Number(lastId), active: Number(lastActive), steps: Number(lastSteps) } : null;

/** The submission that may be undone: {id, active, steps}, or null. */
export function undoable() {
  return last;
}

export function show() {
  view.showDay(day.count, day.active);
}

export function finished(id, spent, steps) {
  last = { id, active: spent, steps };
  count(1);
}

export function undone() {
  count(-1);
  last = null;
}

function count(sign) {
  day.count += sign;
  day.active += sign * last.active;
  beside.paced(sign * last.steps, sign * last.active);
  show();
}
