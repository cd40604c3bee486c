// The desk's state and its only owner: which solution is on the desk, what is rated, what is prefetched and
// what waits to be sent. Others read `session.state`, call its methods and listen to its events:
//
//   load (the payload)         a solution came onto the desk
//   clear                      nothing is on the desk
//   empty (why)                the server has no task
//   lease                      the lease of the task on the desk changed
//   active (milliseconds)      active time was spent
//   finish ({id, active, steps})  the solution on the desk was submitted
//   note (the body of a note)  a note was saved in another tab
//   change                     the state, the lock or the outbox changed
//   enqueue (the entry)        something goes to the outbox
//   saved, submitted, refused  ({assignment, answer}) what the server answered

import { ActiveTime } from "./active-time.js";
import { createState } from "./modes.js";
import { newId } from "./ids.js";
import { Outbox } from "./outbox.js";
import { slug, user } from "./page.js";
import { Prefetch } from "./prefetch.js";
import { request, showRequestError } from "./requests.js";
import * as render from "./render.js";
import { buildSheet } from "./sheet-builder.js";
import { hideBanner } from "./status.js";

const LONGEST_EVENT_MS = 3600000;
const TITLE_LENGTH = 80;

export class Session extends EventTarget {
  constructor() {
    super();
    this.state = null;
    this.isLocked = false; // what is on the desk can be read, not changed
    this.asSource = false;
    this.activeTime = new ActiveTime();
    this.prefetch = new Prefetch((payload) => buildSheet(payload, this.asSource));
    this.outbox = new Outbox(user, {
      onChange: () => this.emit("change"),
      onSaved: (assignment, answer) => this.handleSaved(assignment, answer),
      onSubmitted: (assignment, answer) => this.handleSubmitted(assignment, answer),
      onRefused: (assignment, answer) => this.emit("refused", { assignment, answer }),
    });
  }

  on(name, handler) {
    this.addEventListener(name, ({ detail }) => handler(detail));
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  isOnDesk(assignment) {
    return this.state?.id === assignment;
  }

  // ---- what is on the desk

  async fetchNext() {
    const answer = await request(this, "/assignments");
    if (!answer) return;
    if (answer.body.no_task) this.showEmpty(answer.body.no_task);
    else if (answer.ok) this.load(answer.body);
    else showRequestError(answer.body, [["Retry", () => this.fetchNext()]]);
  }

  /** Put a solution on the desk. */
  load(payload, built = buildSheet(payload, this.asSource)) {
    const state = createState(payload);
    this.applyUnsent(state);
    this.show(state, built);
    this.prefetch.store(null);
    if (!this.outbox.hasSubmission) setTimeout(() => this.fetchAhead(), 50);
    // else once the server knows that this one is on the desk
  }

  show(state, built) {
    hideBanner("request");
    this.state = state;
    this.isLocked = false;
    this.loadedAt = performance.now();
    this.activeMs = 0;
    this.activeTime.lap();
    render.showSheet(built);
    this.emit("load", state.payload);
    this.update({ follow: false });
    render.followCursor(state, { isNew: true });
  }

  /** Show the prefetched task if it is the one with this id, or any; else ask the server for the next. */
  loadNext(id) {
    const { ready } = this.prefetch;
    if (ready && (!id || ready.payload.assignment.id === id)) this.load(ready.payload, ready.built);
    else return false;
    return true;
  }

  /** Put the solution back that was submitted last, with everything rated. */
  resume() {
    const next = this.state;
    this.show(this.submitted, buildSheet(this.submitted.payload, this.asSource));
    this.prefetch.store(next?.payload ?? null);
  }

  fetchAhead() {
    return this.prefetch.fetch(() => this.state?.id);
  }

  clear(message) {
    this.state = null;
    if (message) render.showWaiting(message);
    this.emit("clear");
  }

  showEmpty(reason) {
    this.clear();
    this.prefetch.store(null);
    this.emit("empty", reason);
  }

  /** Show the state after a change. */
  update({ follow = true } = {}) {
    if (!this.state) return;
    render.updateSheet(this.state, this.isLocked);
    if (follow) render.followCursor(this.state);
    this.emit("change");
  }

  lock(isLocked = true) {
    this.isLocked = isLocked;
    this.update({ follow: false });
  }

  /** Lay what waits in the outbox over what the server has: after a reload without a connection. */
  applyUnsent(state) {
    for (const { key, entry } of this.outbox.list(state.id))
      if (entry.kind === "rating" && !this.outbox.refusals.has(key)) state.applyEvent(entry.body);
    state.moveToFrontier();
  }

  // ---- what the labeler did

  /** Save one act: a rating, a choice or a written step. */
  saveEvent(position, candidate, act, { follow = true } = {}) {
    const spent = Math.max(0, Math.min(this.activeTime.lap(), LONGEST_EVENT_MS));
    this.activeMs += spent;
    this.emit("active", spent);
    const created = new Date().toISOString();
    this.enqueue("rating", {
      id: newId(),
      position,
      candidate,
      ...act,
      active_ms: spent,
      client_created_at: created,
    });
    this.update({ follow });
  }

  /** Into the outbox: a rating event, a note or the submission of what is on the desk. */
  enqueue(kind, body, state = this.state) {
    const title = state.payload.problem.statement.slice(0, TITLE_LENGTH);
    const entry = { kind, slug, assignment: state.id, title, body };
    if (kind === "submission") entry.view = state.listRatings(); // to compare with the server's, if refused
    this.emit("enqueue", entry);
    this.outbox.add(entry);
  }

  submit(reason, comment) {
    const elapsed = this.state.payload.assignment.active_ms + performance.now() - this.loadedAt;
    const body = { finish_reason: reason, comment, total_time_ms: Math.round(elapsed) };
    if (this.state.referenceVerdict) body.reference_verdict = this.state.referenceVerdict;
    if (!comment) body.ratings = this.state.reachedRatings;
    this.enqueue("submission", body);
    this.submitted = this.state;
    this.finish();
    if (this.loadNext()) return;
    this.clear(
      navigator.onLine
        ? "Loading the next task…"
        : "You are offline. Your work is stored in this browser. The next task loads when you are online again.",
    );
  }

  /** The solution on the desk was submitted, here or in another tab. */
  finish() {
    const { state } = this;
    const active = state.payload.assignment.active_ms + this.activeMs;
    hideBanner("returned");
    this.emit("finish", { id: state.id, active, steps: state.countedSteps });
  }

  // ---- what the server answered

  handleSaved(assignment, answer) {
    this.emit("saved", { assignment, answer });
    if (!this.isOnDesk(assignment)) return;
    this.state.payload.assignment.lease_expires_at = answer.lease_expires_at;
    this.emit("lease");
  }

  /** The answer to a submission carries the next task. */
  handleSubmitted(assignment, answer) {
    if (this.isOnDesk(assignment)) this.state = null; // it was on the desk again, after a reload
    this.showFollowing(answer);
    this.emit("submitted", { assignment, answer });
  }

  showFollowing({ next, no_task: noTask }) {
    if (this.state && next?.assignment.id === this.state.id) {
      this.state.payload.assignment = next.assignment;
      this.emit("lease");
      this.fetchAhead();
    } else if (this.state?.isStarted || this.outbox.hasSubmission) return;
    else if (next) this.load(next);
    else this.showEmpty(noTask);
  }
}
