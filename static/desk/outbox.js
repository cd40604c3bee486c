// What was done and is not on the server yet: stored in this browser in its order, sent with the same ids
// until the server has it. It survives a reload, a closed tab and a lost connection.
//
// Entries that the server does not accept stay here until the labeler tries again, replaces or discards
// them. No submission is sent while an entry of its assignment is refused.
//
// Stored per labeler, so that someone else at this browser never sends it. Several tabs may send the same
// entries: the ids make that harmless.

import { post, Unreachable } from "./api.js";
import { OutboxStorage } from "./outbox-storage.js";

const BATCH = 100;
const RETRY_MS = [400, 800, 1500, 3000, 5000, 8000];

/** What an entry changes: a later one of the same target replaces it. */
function targetOf({ kind, body }) {
  if (kind === "submission") return kind;
  const place = `${body.position}:${body.candidate ?? 0}`;
  if (kind === "note") return `note:${place}`;
  if (body.human_text !== undefined) return `text:${body.position}`;
  return body.chosen !== undefined ? `choice:${body.position}` : `rating:${place}`;
}

export class Outbox {
  constructor(user, { onChange, onSaved, onSubmitted, onRefused }) {
    this.storage = new OutboxStorage(user);
    this.handlers = { onChange, onSaved, onSubmitted, onRefused };
    this.refusals = new Map(); // key of an entry -> why the server did not accept it
    this.inFlight = new Set();
    this.attempted = new Set(); // keys that may have left this browser
    this.trouble = ""; // "", "offline", "signed-out"
    this.attempts = 0;
    addEventListener("online", () => this.flushSoon(0));
    addEventListener("storage", () => onChange());
    document.addEventListener("visibilitychange", () => document.hidden || this.flushSoon(0));
  }

  /** {key, entry} in order, of one assignment or of all. */
  list(assignment) {
    const items = this.storage.keys().map((key) => ({ key, entry: this.storage.read(key) }));
    return items.filter(({ entry }) => entry && (!assignment || entry.assignment === assignment));
  }

  listRefused(assignment) {
    return this.refusals.size ? this.list(assignment).filter(({ key }) => this.refusals.has(key)) : [];
  }

  /** How many wait to be sent, and how many were not accepted. */
  get counts() {
    const keys = this.storage.keys();
    const refused = keys.filter((key) => this.refusals.has(key)).length;
    return { refused, unsent: keys.length - refused };
  }

  get hasSubmission() {
    return this.list().some(({ key, entry }) => entry.kind === "submission" && !this.refusals.has(key));
  }

  add(entry) {
    const target = targetOf(entry);
    for (const { key, entry: refused } of this.listRefused(entry.assignment))
      if (targetOf(refused) === target) this.remove(key);
    this.storage.write(this.findReplaceable(entry, target) ?? this.storage.newKey(), entry);
    this.handlers.onChange();
    this.flushSoon(0);
  }

  /** The entry of a text that is still being typed is replaced, unless it is being sent. */
  findReplaceable(entry, target) {
    if (!target.startsWith("text:")) return null;
    const last = this.list(entry.assignment).at(-1);
    return last && targetOf(last.entry) === target && !this.inFlight.has(last.key) ? last.key : null;
  }

  remove(key) {
    this.refusals.delete(key);
    this.storage.remove(key);
  }

  /** Take a submission back that never left this browser. False if it did. */
  withdraw(assignment) {
    const isWaiting = ({ key, entry }) => entry.kind === "submission" && !this.attempted.has(key);
    const submission = this.list(assignment).find(isWaiting);
    if (!submission) return false;
    this.remove(submission.key);
    this.handlers.onChange();
    return true;
  }

  /** Send the refused entries of an assignment again. */
  retry(assignment) {
    for (const { key } of this.listRefused(assignment)) this.refusals.delete(key);
    this.handlers.onChange();
    this.flushSoon(0);
  }

  discard(assignment) {
    for (const { key } of this.listRefused(assignment)) this.remove(key);
    this.handlers.onChange();
    this.flushSoon(0);
  }

  /** True once everything is sent; false if that takes longer than three seconds. */
  async isSettled() {
    for (let tries = 0; this.counts.unsent && tries < 120; tries++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    return !this.counts.unsent;
  }

  flushSoon(after) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), after);
  }

  async flush() {
    if (this.isSending) {
      this.mustRepeat = true;
      return;
    }
    this.isSending = true;
    this.mustRepeat = false;
    try {
      for (let batch = this.nextBatch(); batch; batch = this.nextBatch())
        if (!(await this.send(batch))) break;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.trouble = "offline";
      this.flushSoon(RETRY_MS[Math.min(this.attempts++, RETRY_MS.length - 1)]);
    } finally {
      this.isSending = false;
      this.inFlight.clear();
      this.handlers.onChange();
    }
    if (this.mustRepeat) this.flushSoon(0);
  }

  /** The oldest entry, with the ratings of the same assignment that follow it. */
  nextBatch() {
    const batch = [];
    for (const { key, entry } of this.list()) {
      if (this.refusals.has(key) || this.isBlocked(entry)) continue;
      const [first] = batch;
      const fits =
        !first ||
        (entry.kind === "rating" &&
          first.entry.kind === "rating" &&
          entry.assignment === first.entry.assignment &&
          batch.length < BATCH);
      if (!fits) break;
      batch.push({ key, entry });
    }
    return batch.length ? batch : null;
  }

  isBlocked(entry) {
    return entry.kind === "submission" && this.listRefused(entry.assignment).length > 0;
  }

  async send(batch) {
    const { kind, slug, assignment, body } = batch[0].entry;
    this.inFlight = new Set(batch.map(({ key }) => key));
    if (navigator.onLine) for (const key of this.inFlight) this.attempted.add(key);
    const path = `/projects/${slug}/assignments/${assignment}/`;
    const answer =
      kind === "rating"
        ? await post(`${path}ratings`, { events: batch.map(({ entry }) => entry.body) })
        : await post(path + (kind === "note" ? "notes" : "submission"), body);
    this.attempts = 0;
    if (answer.status === 401) {
      this.trouble = "signed-out";
      return false;
    }
    this.trouble = "";
    const saved = new Set(answer.body?.saved ?? []);
    const [done, rest] = [[], []];
    for (const item of batch) (answer.ok || saved.has(item.entry.body.id) ? done : rest).push(item);
    for (const { key } of done) this.remove(key);
    if (!answer.ok) this.refuse(rest, answer);
    else if (kind === "rating") this.handlers.onSaved(assignment, answer.body);
    else if (kind === "submission") this.handlers.onSubmitted(assignment, answer.body);
    this.handlers.onChange();
    return true;
  }

  /** Ratings and a submission that follow a refused rating wait with it: they were made on top of it. */
  refuse(items, { status, body }) {
    const { kind, assignment } = items[0].entry;
    const refusal = { status, ...body };
    for (const { key } of items) this.refusals.set(key, refusal);
    if (kind !== "note")
      for (const { key, entry } of this.list(assignment))
        if (entry.kind !== "note") this.refusals.set(key, refusal);
    this.handlers.onRefused(assignment, refusal);
  }
}
