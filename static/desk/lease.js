// How long a solution is this labeler's: told before it ends, and taken again where it is still free;
// else what the server refused is said.

import { asked, base, clear, fetchNext, outbox, sheet } from "./sheets.js";
import * as view from "./view.js";

const NEAR_END_MS = 5 * 60000;
const LOOK_MS = 15000;
let warned = false;

/** Whether it can be put on the desk without asking the server. */
export function lasts(data) {
  return Date.parse(data.assignment.lease_expires_at) > Date.now() + 5000;
}

/** Looks now and then at what is on the desk. */
export function watch() {
  setInterval(look, LOOK_MS);
}

function look() {
  const left = sheet ? Date.parse(sheet.data.assignment.lease_expires_at) - Date.now() : Infinity;
  if (left > 0 && left < NEAR_END_MS) {
    const minutes = Math.ceil(left / 60000);
    view.banner(
      `Lease expires in ${minutes} minute${minutes === 1 ? "" : "s"}.`,
      "Rate any step to renew it.",
    );
    warned = true;
  } else if (warned) {
    warned = false;
    view.banner("");
  }
}

export async function refused(entry, refusal) {
  const { assignment } = entry;
  if (refusal.error === "lease_lost" && (await takenAgain(assignment))) return;
  const go = () => {
    outbox.drop(assignment);
    view.banner("");
    if (!sheet || sheet.id === assignment) {
      clear();
      fetchNext();
    }
  };
  view.banner(
    refusal.message ?? "The server did not accept this.",
    refusal.remedy ?? "",
    [["Open next task", go]],
    "error",
  );
}

/** A lease that ran out while nobody else took the solution: have it back without a fuss. */
async function takenAgain(assignment) {
  const answer = await asked(`${base}/assignments/${assignment}/lease`);
  if (!answer?.ok) return false;
  if (sheet?.id === assignment) sheet.data.assignment = answer.body.assignment;
  outbox.resume(assignment);
  view.banner(
    "Your lease had expired and was renewed.",
    "No work was lost.",
    [["Dismiss", () => view.banner("")]],
    "note",
  );
  return true;
}
