// The next task: fetched and drawn before it is needed.

import { post, serverNow, Unreachable } from "./api.js";
import { byId, home } from "./page.js";

const SAFETY_MS = 5000;

/** Whether its lease lasts long enough to show it without asking the server. */
function isLeased(payload) {
  return Date.parse(payload.assignment.lease_expires_at) > serverNow() + SAFETY_MS;
}

export class Prefetch {
  /** `build` draws a payload. */
  constructor(build) {
    this.build = build;
    this.next = null; // {payload, built}
    this.pendingFor = null; // the assignment on the desk while the request is under way
  }

  /** The next task, if it can be shown at once. */
  get ready() {
    return this.next && isLeased(this.next.payload) ? this.next : null;
  }

  store(payload) {
    this.next = payload && { payload, built: this.build(payload) };
    byId("desk").toggleAttribute("data-ahead", Boolean(this.next)); // the next one needs no network now
  }

  rebuild() {
    if (this.next) this.store(this.next.payload);
  }

  /** `current` gives the id of the assignment on the desk while there is one. */
  async fetch(current) {
    const id = current();
    if (this.next || !id || this.pendingFor === id) return;
    this.pendingFor = id;
    try {
      const { status, body } = await post(`${home}/reservation`);
      if (status !== 200 || current() !== id || body.assignment.id === id) return;
      (window.requestIdleCallback ?? setTimeout)(() => {
        if (current() === id) this.store(body);
      });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error; // fetched with the submission instead
    } finally {
      if (this.pendingFor === id) this.pendingFor = null;
    }
  }
}
