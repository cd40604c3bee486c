// What the labeler does with the solution on the desk. A rating shows at once and is saved behind it.

import * as ahead from "./ahead.js";
import * as beside from "./beside.js";
import * as day from "./day.js";
import * as dialogs from "./dialogs.js";
import { gone } from "./elsewhere.js";
import * as lease from "./lease.js";
import { asked, base, clear, clock, finished, lasted, outbox, put, send, sheet, spend } from "./sheets.js";
import { ratingOf, RATINGS } from "./ratings.js";
import { newId } from "./state.js";
import * as view from "./view.js";

function say(at, place, candidate) {
  if (sheet.say(at, place, true, candidate) === null) {
    view.announce(`Step ${at + 1} cannot be rated yet`);
    return;
  }
  save(at, candidate, { rating: place.rating, flagged: place.flagged ?? null });
  const word = ratingOf(place.rating).word;
  view.announce(sheet.finish ? `Step ${at + 1} ${word}. ${sheet.missing}.` : `Step ${at + 1} ${word}`);
}

/** One event: a rating, a choice or a written step. */
function save(at, candidate, act, follow = true) {
  const spent = Math.min(clock.lap(), 3600000);
  spend(spent);
  beside.work(spent);
  const body = {
    id: newId(),
    position: at,
    candidate,
    ...act,
    active_ms: spent,
    client_created_at: new Date().toISOString(),
  };
  send("rating", body);
  view.update(sheet);
  if (follow) view.follow(sheet);
}

export function spotOf(item) {
  return [Number(item.dataset.at), Number(item.dataset.candidate)];
}

/** `alternatives` projects: go on with this candidate. */
function choose(button) {
  if (!sheet.choose) return;
  const [at, candidate] = button ? spotOf(button.closest(".step")) : [sheet.cursor, sheet.candidate];
  if (sheet.choose(at, candidate) === null) return view.announce(sheet.missing);
  save(at, candidate, { chosen: true });
  view.announce(`Step ${at + 1} chosen. ${sheet.missing}`);
}

export function write(area) {
  sheet.written.set(sheet.end, area.value);
  save(sheet.end, 0, { human_text: area.value }, false);
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
  save(
    back.at,
    back.candidate,
    back.place ? { rating: back.place.rating, flagged: back.place.flagged ?? null } : { chosen: back.chosen },
  );
  view.announce(`Step ${back.at + 1} rating undone`);
}

export async function reopen() {
  if (!day.undoable()) return view.announce("Nothing to undo");
  if (!(await outbox.settled()))
    return view.banner("Your submission is still being sent.", "Undo it when it is saved.");
  const answer = await asked(`${base}/assignments/${day.undoable().id}/reopening`);
  if (!answer) return;
  if (!answer.ok)
    return view.banner(answer.body.message, answer.body.remedy, [["Dismiss", () => view.banner("")]]);
  day.undone();
  put(answer.body);
  view.announce("Submission reopened");
}

async function submit() {
  const finish = sheet.finish;
  if (!finish) return view.announce(sheet.missing);
  if (finish === "solution" && sheet.data.ask_reference_verdict && sheet.doubt === null) {
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
  const body = { finish_reason: reason, comment, total_time_ms: lasted() };
  if (sheet.doubt) body.reference_verdict = sheet.doubt;
  send("submission", body);
  finished();
  view.announce("Submitted");
  const next = ahead.held();
  if (next && lease.lasts(next.data)) return put(next.data, next.built);
  clear(
    navigator.onLine
      ? "Loading the next task…"
      : "You are offline. Your work is stored in this browser. The next task loads when you are online again.",
  );
}

async function note() {
  const about = sheet;
  const body = await beside.askNote(about);
  if (body) {
    send("note", body, about.id);
    view.announce(body.text ? `Note on step ${body.position + 1} saved` : "Note removed");
  }
  if (sheet !== about) return;
  beside.showNotes(sheet);
  view.follow(sheet);
}

function move(by) {
  sheet.move(by);
  view.update(sheet);
  view.follow(sheet);
}

/** By the names of keys and buttons. */
export const ACTS = {
  ...Object.fromEntries(RATINGS.map(({ name, value }) => [name, (button) => rate(value, button)])),
  flag,
  undo,
  submit,
  choose,
  note,
  bad_problem: () => leave("bad_problem"),
  give_up: () => leave("give_up"),
  down: () => move(1),
  up: () => move(-1),
};
