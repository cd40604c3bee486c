// The desk: keys and buttons in, events out. A rating shows at once and is saved behind it; the next
// solution is fetched and drawn before it is needed.

import * as ahead from "./ahead.js";
import * as beside from "./beside.js";
import { Choices } from "./choices.js";
import { Clock } from "./clock.js";
import * as day from "./day.js";
import * as dialogs from "./dialogs.js";
import * as feedback from "./feedback.js";
import { listen } from "./keys.js";
import * as lease from "./lease.js";
import { Outbox } from "./outbox.js";
import { Unreachable, post } from "./server.js";
import { Sheet, WORDS, newId } from "./state.js";
import { Tabs } from "./tabs.js";
import * as view from "./view.js";

const desk = document.getElementById("desk");
const { slug, user } = desk.dataset;
const base = `/projects/${slug}`;
const LOOK_MS = 30000; // between two looks at an empty queue
const clock = new Clock();

let sheet = null; // what is on the desk
let startedAt = 0;
let activeHere = 0;
let asSource = false;

const outbox = new Outbox(user, {
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
const tabs = new Tabs(user, slug, { said: saidElsewhere, sent: sentElsewhere, moved: movedElsewhere });

// ---- solutions come and go

async function fetchNext() {
  const answer = await asked(`${base}/assignments`);
  if (!answer) return;
  if (answer.body.nothing) return empty(answer.body.nothing);
  if (answer.ok) return put(answer.body);
  view.banner(answer.body.message, answer.body.remedy, [["Try again", fetchNext]]);
}

let looking = 0;

function empty(why) {
  sheet = null;
  tabs.on(null);
  ahead.hold(null);
  view.showEmpty(why);
  clearTimeout(looking);
  if (!why.closed) looking = setTimeout(lookAgain, LOOK_MS);
}

/** New solutions appear by themselves, while somebody is looking. */
function lookAgain() {
  if (sheet) return;
  if (document.hidden) looking = setTimeout(lookAgain, LOOK_MS);
  else fetchNext();
}

const build = (data) => view.build(data, asSource);
const prefetch = () => ahead.prefetch(() => sheet?.id, build);

function put(data, built = build(data)) {
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
  if (data.returned) view.banner("This solution came back to you:", data.returned.reason, [["All right", () => view.banner("")]], "note");
  ahead.hold(null);
  if (!submitting()) setTimeout(prefetch, 50); // else when the server knows that this one is on the desk
}

function submitting() {
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
function arrived(assignment, { next, nothing }) {
  if (sheet?.id === assignment) sheet = null; // it was on the desk again, after a reload
  if (sheet && next?.assignment.id === sheet.id) {
    sheet.data.assignment = next.assignment;
    return prefetch();
  }
  if (sheet?.started || submitting()) return;
  if (next) put(next);
  else empty(nothing);
}

async function asked(path) {
  try {
    const answer = await post(path);
    if (answer.status === 401) {
      view.banner("You are signed out.", "What you rated is kept in this browser.", [["Sign in", signIn]]);
      return null;
    }
    return answer;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    if (!sheet) {
      view.showWaiting("The server cannot be reached. Trying again…");
      setTimeout(fetchNext, 2000);
    }
    return null;
  }
}

function signIn() { location.assign(`/login?next=${encodeURIComponent(location.pathname)}`); }

// ---- what the labeler does

function say(at, place, candidate) {
  if (sheet.say(at, place, true, candidate) === null) {
    view.announce(`Step ${at + 1} cannot be rated yet`);
    return;
  }
  save(at, candidate, { rating: place.rating, flagged: place.flagged ?? null });
  const word = place.rating === null ? "can’t tell" : WORDS[place.rating];
  view.announce(sheet.finish ? `Step ${at + 1} ${word}. ${sheet.missing}.` : `Step ${at + 1} ${word}`);
}

/** One event: a rating, a choice or a written step. */
function save(at, candidate, act, follow = true) {
  const spent = Math.min(clock.lap(), 3600000);
  activeHere += spent;
  beside.work(spent);
  const body = {
    id: newId(), position: at, candidate, ...act, active_ms: spent, at: new Date().toISOString(),
  };
  outbox.add({ kind: "rating", slug, assignment: sheet.id, body });
  view.update(sheet);
  if (follow) view.follow(sheet);
}

function spotOf(item) { return [Number(item.dataset.at), Number(item.dataset.candidate)]; }

/** `alternatives` projects: go on with this candidate. */
function choose(button) {
  if (!sheet.choose) return;
  const [at, candidate] = button ? spotOf(button.closest(".step")) : [sheet.cursor, sheet.candidate];
  if (sheet.choose(at, candidate) === null) return view.announce(sheet.missing);
  save(at, candidate, { chosen: true });
  view.announce(`Step ${at + 1} chosen. ${sheet.missing}`);
}

function write(area) {
  sheet.written.set(sheet.end, area.value);
  save(sheet.end, 0, { written: area.value }, false);
}

function rate(rating, button) {
  const item = button?.closest(".step");
  const [at, candidate] = item ? spotOf(item) : [sheet.cursor, sheet.candidate];
  say(at, { rating, flagged: sheet.word(at, candidate)?.flagged ?? null }, candidate);
}

function flag() {
  const place = sheet.word(sheet.cursor, sheet.candidate);
  say(sheet.cursor, { rating: place?.rating ?? null, flagged: !place?.flagged }, sheet.candidate);
}

function undo() {
  const back = sheet.takeBack();
  if (!back) return reopen();
  save(back.at, back.candidate, back.place ? { rating: back.place.rating, flagged: back.place.flagged ?? null } : { chosen: back.chosen });
  view.announce(`Step ${back.at + 1} taken back`);
}

async function reopen() {
  if (!day.undoable()) return view.announce("Nothing to undo");
  if (!(await outbox.settled())) return view.banner("The submission is still being sent.", "Undo it when everything is saved.");
  const answer = await asked(`${base}/assignments/${day.undoable().id}/reopening`);
  if (!answer) return;
  if (!answer.ok) return view.banner(answer.body.message, answer.body.remedy, [["All right", () => view.banner("")]]);
  day.undone();
  put(answer.body);
  view.announce("Submission taken back");
}

async function submit() {
  const finish = sheet.finish;
  if (!finish) return view.announce(sheet.missing);
  if (finish === "solution" && sheet.data.asks_about_reference && sheet.doubt === null) {
    const about = sheet;
    const said = await dialogs.doubt(sheet);
    if (gone(about)) return;
    if (said === "" || said === "step") return view.follow(sheet);
    sheet.doubt = said;
  }
  finishWith(finish, "");
}

async function leave(reason) {
  const about = sheet;
  const words = await dialogs.reason(reason);
  if (gone(about)) return;
  if (words) finishWith(reason, words);
  else view.follow(sheet);
}

function finishWith(reason, comment) {
  const known = sheet.data.assignment.active_ms;
  const body = { finish_reason: reason, comment, total_time_ms: Math.round(known + performance.now() - startedAt) };
  if (sheet.doubt) body.reference_doubt = sheet.doubt;
  outbox.add({ kind: "submission", slug, assignment: sheet.id, body });
  finished();
  view.announce("Submitted");
  const next = ahead.held();
  if (next && lease.lasts(next.data)) return put(next.data, next.built);
  sheet = null;
  view.showWaiting(navigator.onLine ? "Fetching the next solution…" : "You are offline. Everything is kept here; the next solution comes when the connection is back.");
}

function finished() {
  day.finished(sheet.id, sheet.data.assignment.active_ms + activeHere, sheet.judgedCount);
  view.banner("");
}

async function note() {
  const about = sheet;
  const body = await beside.askNote(about);
  if (body) {
    outbox.add({ kind: "note", slug, assignment: about.id, body });
    view.announce(body.text ? `Note on step ${body.position + 1} saved` : "Note removed");
  }
  if (sheet !== about) return;
  beside.showNotes(sheet);
  view.follow(sheet);
}

function toggleSource() {
  asSource = !asSource;
  view.source(asSource);
  ahead.redraw(build);
}

// ---- the same labeler in other tabs and windows

let heard = -Infinity; // when another tab last said something

function saidElsewhere({ kind, assignment, body }) {
  heard = performance.now();
  outbox.soon(3000 + Math.random() * 4000); // should that tab be closed before it could send this
  if (sheet?.id !== assignment) return;
  if (kind === "rating") {
    activeHere += body.active_ms;
    sheet.lay(body, true);
    sheet.home();
    view.update(sheet);
  } else if (kind === "note") {
    beside.noted(sheet, body);
    beside.showNotes(sheet);
  } else {
    finished();
    sheet = null;
    view.showWaiting("Submitted in another tab. The next solution comes…");
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
function catchUp(body) {
  const unsent = outbox.keys().some((key) => outbox.read(key)?.assignment === sheet.id);
  if (unsent || performance.now() - heard < 20000 || !sheet.take(body)) return;
  view.update(sheet);
  view.announce("You rated this solution in another window too. This one shows it now.");
}

/** Whether the solution that a question was about left the desk while it was open. */
function gone(about) {
  if (sheet === about) return false;
  view.banner("This solution was submitted in another tab.", "Undo it there, or here, to change it.", [["All right", () => view.banner("")]], "note");
  return true;
}

// ---- when the server says no

async function refused(entry, refusal) {
  const { assignment } = entry;
  if (refusal.error === "lease_lost" && (await takenAgain(assignment))) return;
  const go = () => {
    outbox.drop(assignment);
    view.banner("");
    if (!sheet || sheet.id === assignment) { sheet = null; fetchNext(); }
  };
  view.banner(refusal.message ?? "The server did not accept this.", refusal.remedy ?? "", [["Go on to the next", go]], "bad");
}

/** A lease that ran out while nobody else took the solution: have it back without a fuss. */
async function takenAgain(assignment) {
  const answer = await asked(`${base}/assignments/${assignment}/lease`);
  if (!answer?.ok) return false;
  if (sheet?.id === assignment) sheet.data.assignment = answer.body.assignment;
  outbox.resume(assignment);
  lease.tellTaken();
  return true;
}

// ---- start

const ACTS = {
  bad: (button) => rate(-1, button), okay: (button) => rate(0, button), great: (button) => rate(1, button),
  flag, undo, submit, choose, note, bad_problem: () => leave("bad_problem"), give_up: () => leave("give_up"),
  down: () => { sheet.move(1); view.update(sheet); view.follow(sheet); },
  up: () => { sheet.move(-1); view.update(sheet); view.follow(sheet); },
};

listen((name, button) => {
  if (name === "source") toggleSource();
  else if (name === "help") dialogs.help().then(() => sheet && view.follow(sheet));
  else if (name === "instructions") beside.instructions();
  else if (name === "look") { view.showWaiting("Looking…"); fetchNext(); }
  else if (sheet) ACTS[name](button);
  else if (name === "undo") reopen();
});

document.getElementById("sheet").addEventListener("click", (event) => {
  const item = event.target.closest(".step");
  if (!item || event.target.closest("button") || !sheet?.reached(...spotOf(item))) return;
  [sheet.cursor, sheet.candidate] = spotOf(item);
  view.update(sheet);
});

document.getElementById("sheet").addEventListener("change", (event) => {
  if (sheet && event.target.id === "written") write(event.target);
});

day.show();
beside.showPace();
lease.watch(() => sheet?.data);
outbox.flush().then(() => sheet || fetchNext());
// the rarer faces of the mathematics come before a formula needs them: nothing moves when it is shown
const early = () => document.fonts.forEach((font) => font.family.includes("KaTeX") && font.load().catch(() => {}));
addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(early));
