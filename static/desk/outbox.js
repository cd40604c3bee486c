// What was done and is not yet on the server: kept in this browser in its order, sent with the same
// ids until the server has it. It survives a reload, a closed tab and a lost connection.
//
// Kept per labeler, so that someone else at this browser never sends it. Several tabs may send the
// same entries: the ids make that harmless.

import { Unreachable, post } from "./server.js";

const BATCH = 100;
const WAITS = [400, 800, 1500, 3000, 5000, 8000];

export class Outbox {
  constructor(user, { changed, saved, submitted, refused }) {
    this.prefix = `stepmark:${user}:outbox:`;
    this.tell = { changed, saved, submitted, refused };
    this.held = new Map(); // assignment -> refusal, until the labeler decided
    this.spare = new Map(); // where the browser gives no storage
    this.trouble = ""; // "", "offline", "signed-out"
    this.tries = 0;
    this.last = 0;
    addEventListener("online", () => this.soon(0));
    addEventListener("storage", () => this.tell.changed());
    document.addEventListener("visibilitychange", () => document.hidden || this.soon(0));
  }

  get waiting() {
    return this.keys().length;
  }

  keys() {
    let stored = [];
    try {
      stored = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    } catch {
      /* none */
    }
    return [...stored, ...this.spare.keys()].sort();
  }

  read(key) {
    try {
      return this.spare.get(key) ?? JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  add(entry) {
    this.last = Math.max(Date.now() * 1000, this.last + 1);
    const key = `${this.prefix}${String(this.last).padStart(18, "0")}:${Math.random().toString(36).slice(2, 8)}`;
    try {
      localStorage.setItem(key, JSON.stringify(entry));
    } catch {
      this.spare.set(key, entry);
    }
    this.tell.changed();
    this.soon(0);
  }

  forget(key) {
    this.spare.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      /* none */
    }
  }

  /** Entries of an assignment that were not accepted: try them again, or put them away. */
  resume(assignment) {
    this.held.delete(assignment);
    this.soon(0);
  }
  drop(assignment) {
    for (const key of this.keys()) if (this.read(key)?.assignment === assignment) this.forget(key);
    this.held.delete(assignment);
    this.tell.changed();
  }

  /** True once everything is on the server; false when that takes longer than a breath. */
  async settled() {
    for (let tries = 0; this.waiting && tries < 120; tries++)
      await new Promise((done) => setTimeout(done, 25));
    return !this.waiting;
  }

  soon(after) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), after);
  }

  async flush() {
    if (this.sending) {
      this.again = true;
      return;
    }
    this.sending = true;
    this.again = false;
    try {
      for (let next = this.next(); next; next = this.next()) if (!(await this.send(next))) break;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.trouble = "offline";
      this.soon(WAITS[Math.min(this.tries++, WAITS.length - 1)]);
    } finally {
      this.sending = false;
      this.tell.changed();
    }
    if (this.again) this.soon(0);
  }

  /** The oldest entry, with the ratings of the same assignment that follow it. */
  next() {
    const run = [];
    for (const key of this.keys()) {
      const entry = this.read(key);
      if (!entry) {
        this.forget(key);
        continue;
      }
      if (this.held.has(entry.assignment)) continue;
      const fits =
        run.length === 0 ||
        (entry.kind === "rating" &&
          run[0].entry.kind === "rating" &&
          entry.assignment === run[0].entry.assignment &&
          run.length < BATCH);
      if (!fits) break;
      run.push({ key, entry });
    }
    return run.length ? run : null;
  }

  async send(run) {
    const { kind, slug, assignment, body } = run[0].entry;
    const path = `/projects/${slug}/assignments/${assignment}/`;
    const answer =
      kind === "rating"
        ? await post(`${path}ratings`, { events: run.map(({ entry }) => entry.body) })
        : await post(path + (kind === "note" ? "notes" : "submission"), body);
    this.tries = 0;
    if (answer.status === 401) {
      this.trouble = "signed-out";
      return false;
    }
    this.trouble = "";
    const kept = new Set(answer.body?.saved ?? []);
    for (const { key, entry } of run) if (answer.ok || kept.has(entry.body.id)) this.forget(key);
    if (!answer.ok) {
      this.held.set(assignment, answer.body);
      this.tell.refused(run[0].entry, answer.body ?? {});
    } else if (kind === "rating") this.tell.saved(assignment, answer.body);
    else if (kind === "submission") this.tell.submitted(assignment, answer.body);
    this.tell.changed();
    return true;
  }
}
