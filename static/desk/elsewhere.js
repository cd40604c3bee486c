// The same labeler in other tabs and windows: what was said there shows here, and this one follows.

import * as ahead from "./ahead.js";
import * as beside from "./beside.js";
import * as lease from "./lease.js";
import { clear, fetchNext, finished, outbox, prefetch, put, sheet, spend, submitting } from "./sheets.js";
import { Tabs } from "./tabs.js";
import * as view from "./view.js";

const { slug, user } = document.getElementById("desk").dataset;
export const tabs = new Tabs(user, slug, { said: saidElsewhere, sent: sentElsewhere, moved: movedElsewhere });
let heard = -Infinity; // when another tab last said something

function saidElsewhere({ kind, assignment, body }) {
  heard = performance.now();
  outbox.soon(3000 + Math.random() * 4000); // should that tab be closed before it could send this
  if (sheet?.id !== assignment) return;
  if (kind === "rating") {
    spend(body.active_ms);
    sheet.lay(body, true);
    sheet.home();
    view.update(sheet);
  } else if (kind === "note") {
    beside.noted(sheet, body);
    beside.showNotes(sheet);
  } else {
    finished();
    clear("Submitted in another tab. Loading the next task…");
  }
}

/** The server knows what another tab submitted: now it can hold the one after. */
function sentElsewhere({ kind }) {
  if (kind === "submission" && !submitting()) prefetch();
}

function movedElsewhere(id) {
  if (document.hidden || sheet?.id === id) return; // a hidden tab looks again when it is shown
  const next = ahead.held();
  if (next?.data.assignment.id === id && lease.lasts(next.data)) put(next.data, next.built);
  else fetchNext();
}

/** What the server has of this solution, where all that was said here is in it: more, if it was also
 *  judged in another browser. An answer may be older than what another tab said meanwhile. */
export function catchUp(body) {
  const unsent = outbox.keys().some((key) => outbox.read(key)?.assignment === sheet.id);
  if (unsent || performance.now() - heard < 20000 || !sheet.take(body)) return;
  view.update(sheet);
  view.announce("Updated with ratings from another window.");
}

/** Whether the solution that a question was about left the desk while it was open. */
export function gone(about) {
  if (sheet === about) return false;
  view.banner(
    "This solution was submitted in another tab.",
    "Undo the submission to change it.",
    [["Dismiss", () => view.banner("")]],
    "note",
  );
  return true;
}
