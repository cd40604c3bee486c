// How long a solution is this labeler's: told before it ends, and taken again where it is still free.

import * as view from "./view.js";

const NEAR_END_MS = 5 * 60000;
const LOOK_MS = 15000;
let warned = false;

/** Whether it can be put on the desk without asking the server. */
export function lasts(data) { return Date.parse(data.assignment.lease_expires_at) > Date.now() + 5000; }

/** Looks now and then at what is on the desk; `held` gives its data, or null. */
export function watch(held) { setInterval(() => look(held()), LOOK_MS); }

function look(data) {
  const left = data ? Date.parse(data.assignment.lease_expires_at) - Date.now() : Infinity;
  if (left > 0 && left < NEAR_END_MS) {
    const minutes = Math.ceil(left / 60000);
    view.banner(`This solution is yours for ${minutes} more minute${minutes === 1 ? "" : "s"}.`, "Any rating renews it.");
    warned = true;
  } else if (warned) {
    warned = false;
    view.banner("");
  }
}

/** After taking it again: nobody else had it meanwhile. */
export function tellTaken() {
  view.banner("Your time on this solution had run out, but it was still free.", "It is yours again; nothing is lost.", [["Good", () => view.banner("")]], "note");
}
