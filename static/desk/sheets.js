// Solutions come onto the desk and go: `sheet` is the one that lies on it, with the time spent on it.

import * as ahead from "./ahead.js";
import * as beside from "./beside.js";
import { Choices } from "./choices.js";
import { Clock } from "./clock.js";
import * as day from "./day.js";
import { catchUp, tabs } from "./elsewhere.js";
import * as feedback from "./feedback.js";
import { refused } from "./lease.js";
import { Outbox } from "./outbox.js";
import { Unreachable, post } from "./server.js";
import { Sheet } from "./state.js";
import * as view from "./view.js";

const { slug, user } = document.getElementById("desk").dataset;
const LOOK_MS = 30000; // between two looks at an empty queue
export const base = `/projects/${slug}`;
export const clock = new Clock();
export let sheet = null; // what is on the desk
let startedAt = 0;
let activeHere = 0;
let asSource = false;

export const outbox = new Outbox(user, {
  changed: () => view.showSaving(outbox),
  saved: (assignment, body) => {
    if (sheet?.id !== assignment) return;
    sheet.data.assignment.lease_expires_at = body.lease_expires_at;
    catchUp(body);
  },
  submitted: (assignment, body) => {
    arrived(assignment, body);
    feedback.show(body.feedback);
  },
  refused,
});

export async function fetchNext() {
  const answer = await asked(`${base}/assignments`);
  if (!answer) return;
  if (answer.body.no_task) return empty(answer.body.no_task);
  if (answer.ok) return put(answer.body);
  view.banner(answer.body.message, answer.body.remedy, [["Retry", fetchNext]]);
}

let looking = 0;

function empty(why) {
  sheet = null;
  tabs.on(null);
  ahead.hold(null);
  view.showEmpty(why);
  clearTimeout(looking);
  if (!why.blocked) looking = setTimeout(lookAgain, LOOK_MS);
}

/** New solutions appear by themselves, while somebody is looking. */
function lookAgain() {
  if (sheet) return;
  if (document.hidden) looking = setTimeout(lookAgain, LOOK_MS);
  else fetchNext();
}

const build = (data) => view.build(data, asSource);
export const prefetch = () => ahead.prefetch(() => sheet?.id, build);

export function put(data, built = build(data)) {
  sheet = data.task.mode === "alternatives" ? new Choices(data) : new Sheet(data);
  startedAt = performance.now();
  activeHere = 0;
  clock.lap();
  restore();
  tabs.on(sheet.id);
  view.show(built);
  beside.showNotes(sheet);
  view.update(sheet);
  view.follow(sheet);
  if (data.returned)
    view.banner("Returned to you:", data.returned.reason, [["Dismiss", () => view.banner("")]], "note");
  ahead.hold(null);
  if (!submitting()) setTimeout(prefetch, 50); // else when the server knows that this one is on the desk
}

export function submitting() {
  return outbox.keys().some((key) => outbox.read(key)?.kind === "submission");
}

/** Lay what waits in the outbox over what the server knew: after a reload without a connection. */
function restore() {
  for (const key of outbox.keys()) {
    const entry = outbox.read(key);
    if (entry?.assignment !== sheet.id || entry.kind !== "rating") continue;
    sheet.lay(entry.body);
  }
  sheet.home();
}

/** The answer to a submission: what the server put on the desk next. */
function arrived(assignment, { next, no_task: noTask }) {
  if (sheet?.id === assignment) sheet = null; // it was on the desk again, after a reload
  if (sheet && next?.assignment.id === sheet.id) {
    sheet.data.assignment = next.assignment;
    return prefetch();
  }
  if (sheet?.started || submitting()) return;
  if (next) put(next);
  else empty(noTask);
}

/** The server's answer; null where there is none, which is said. */
export async function asked(path) {
  try {
    const answer = await post(path);
    if (answer.status === 401) {
      view.banner("You are signed out.", "Your ratings are stored in this browser.", [["Sign in", signIn]]);
      return null;
    }
    return answer;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    if (!sheet) {
      view.showWaiting("The server is unreachable. Retrying…");
      setTimeout(fetchNext, 2000);
    }
    return null;
  }
}

function signIn() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

/** Nothing lies on the desk; `words` say what is waited for. */
export function clear(words) {
  sheet = null;
  if (words) view.showWaiting(words);
}

/** Into the outbox: a rating, a note or a submission of what is on the desk, or was. */
export function send(kind, body, assignment = sheet.id) {
  outbox.add({ kind, slug, assignment, body });
}

export function spend(milliseconds) {
  activeHere += milliseconds;
}

/** Milliseconds since it was first on the desk, pauses included. */
export function lasted() {
  return Math.round(sheet.data.assignment.active_ms + performance.now() - startedAt);
}

/** It was submitted, here or in another tab. */
export function finished() {
  day.finished(sheet.id, sheet.data.assignment.active_ms + activeHere, sheet.judgedCount);
  view.banner("");
}

export function toggleSource() {
  asSource = !asSource;
  view.source(asSource);
  ahead.redraw(build);
}
