// What the labeler does with the solution on the desk, by the names of keys and buttons. A rating shows at
// once and is saved in the background.

import { request, showRequestError } from "./requests.js";
import { askReason, askReferenceVerdict } from "./dialogs.js";
import { hasLeft } from "./other-tabs.js";
import { RATINGS, ratingOf } from "./ratings.js";
import { followCursor } from "./render.js";
import { placeOf, stepName } from "./sheet-builder.js";
import { announce, showNote } from "./status.js";

const LOCKED = "This task is locked. See the message above it.";

export class Actions {
  constructor(session, dayStats, drafts) {
    this.session = session;
    this.dayStats = dayStats;
    this.drafts = drafts;
  }

  get state() {
    return this.session.state;
  }

  /** The place of the step that holds a button, else the current one. */
  findPlace(button) {
    const item = button?.closest(".step");
    return item ? placeOf(item) : [this.state.cursor, this.state.candidate];
  }

  rate(value, button) {
    const [position, candidate] = this.findPlace(button);
    const flagged = this.state.getRating(position, candidate)?.flagged ?? null;
    this.applyRating(position, candidate, { rating: value, flagged });
  }

  flag() {
    const { cursor, candidate } = this.state;
    const before = this.state.getRating(cursor, candidate);
    this.applyRating(cursor, candidate, { rating: before?.rating ?? null, flagged: !before?.flagged });
  }

  applyRating(position, candidate, rating) {
    const { state } = this;
    if (!state.rate(position, candidate, rating)) return announce(`Step ${position + 1} cannot be rated yet`);
    this.session.saveEvent(position, candidate, rating);
    const text = `${stepName(position, candidate)} ${ratingOf(rating.rating).word}`;
    announce(state.finishReason ? `${text}. ${state.remaining}.` : text);
  }

  choose(button) {
    const [position, candidate] = this.findPlace(button);
    if (!this.state.choose?.(position, candidate)) return announce(this.state.remaining);
    this.session.saveEvent(position, candidate, { chosen: true });
    announce(`Step ${position + 1} chosen. ${this.state.remaining}`);
  }

  undo() {
    const undone = this.state.undo();
    if (!undone) return this.reopen();
    this.session.saveEvent(undone.position, undone.candidate, undone.event);
    announce(`Step ${undone.position + 1} rating undone`);
  }

  /** Undo the last submission. */
  async reopen() {
    const { session, dayStats } = this;
    if (!dayStats.last) return announce("Nothing to undo");
    if (session.submitted?.id === dayStats.last.id && session.outbox.withdraw(dayStats.last.id)) {
      dayStats.removeLast();
      session.resume();
      return announce("Submission undone");
    }
    if (!(await session.outbox.isSettled()))
      return showNote("request", "Your submission is still being sent.", "Undo it when it is saved.");
    const answer = await request(session, `/assignments/${dayStats.last.id}/reopening`);
    if (!answer) return;
    if (!answer.ok) return showRequestError(answer.body);
    dayStats.removeLast();
    session.load(answer.body);
    announce("Submission reopened");
  }

  async submit() {
    const { state, session } = this;
    const { finishReason } = state;
    if (!finishReason) return announce(state.remaining);
    if (this.hasRefused()) return;
    if (finishReason === "solution" && state.payload.ask_reference_verdict && !state.referenceVerdict) {
      const verdict = await askReferenceVerdict(state);
      if (hasLeft(session, state)) return;
      if (verdict === "" || verdict === "step") return followCursor(state);
      state.referenceVerdict = verdict;
    }
    this.finish(finishReason, "");
  }

  async submitWithReason(reason) {
    const { state, session } = this;
    const comment = await askReason(reason, this.drafts, `${reason}:${state.id}`);
    if (hasLeft(session, state)) return;
    if (comment && !this.hasRefused()) this.finish(reason, comment);
    else followCursor(state);
  }

  finish(reason, comment) {
    if (this.session.isLocked) return announce(LOCKED);
    this.session.submit(reason, comment);
    announce("Submitted");
  }

  /** Whether the server refused something of this solution, which the labeler has to settle first. */
  hasRefused() {
    const refused = this.session.outbox.listRefused(this.state.id);
    if (refused.every(({ entry }) => entry.kind === "submission")) return false;
    announce("Some changes were not accepted. Try again or discard them before you submit.");
    document.querySelector("#banner button")?.focus();
    return true;
  }

  move(by) {
    this.state.move(by);
    this.session.update();
  }

  /** Run an action on the solution on the desk. */
  run(name, button) {
    const changes = {
      ...Object.fromEntries(
        RATINGS.map(({ name: rating, value }) => [rating, () => this.rate(value, button)]),
      ),
      flag: () => this.flag(),
      undo: () => this.undo(),
      choose: () => this.choose(button),
      submit: () => this.submit(),
      bad_problem: () => this.submitWithReason("bad_problem"),
      give_up: () => this.submitWithReason("give_up"),
    };
    if (name === "down") this.move(1);
    else if (name === "up") this.move(-1);
    else if (this.session.isLocked) announce(LOCKED);
    else changes[name]?.();
  }
}
