// How long the task on the desk is this labeler's. A lease that ends soon is announced; one that ended is
// announced at once and locks the task until it is claimed again.

import { request } from "./requests.js";
import { serverNow } from "./api.js";
import { hideBanner, showBanner, showNote } from "./status.js";

const NEAR_END_MS = 5 * 60000;
const MINUTE_MS = 60000;
const AFTER_ONLINE_MS = 5000; // the outbox renews the lease first, if it has something to send
const LONGEST_TIMER_MS = 3600000;

export class Lease {
  constructor(session) {
    this.session = session;
    for (const name of ["load", "lease", "clear"]) session.on(name, () => this.check());
    document.addEventListener("visibilitychange", () => document.hidden || this.check());
    addEventListener("online", () => setTimeout(() => this.check(), AFTER_ONLINE_MS));
  }

  get left() {
    return Date.parse(this.session.state.payload.assignment.lease_expires_at) - serverNow();
  }

  /** Show the state of the lease, now and at each moment when it changes. */
  check() {
    clearTimeout(this.timer);
    const { state } = this.session;
    if (!state) return hideBanner("lease");
    const { left } = this;
    if (Number.isNaN(left)) return hideBanner("lease"); // submitted elsewhere
    if (left <= 0) return this.isOffline ? this.announceOffline() : this.announceEnd();
    if (this.hasEnded) {
      this.hasEnded = false;
      this.session.lock(false);
    }
    if (left >= NEAR_END_MS) hideBanner("lease");
    else this.warn(Math.ceil(left / MINUTE_MS));
    const untilChange = left >= NEAR_END_MS ? left - NEAR_END_MS + 1 : left % MINUTE_MS || MINUTE_MS;
    this.timer = setTimeout(() => this.check(), Math.min(untilChange, LONGEST_TIMER_MS));
  }

  warn(minutes) {
    const plural = minutes === 1 ? "" : "s";
    showBanner("lease", {
      message: `Lease expires in ${minutes} minute${plural}.`,
      remedy: "Rate any step to renew it.",
    });
  }

  get isOffline() {
    return !navigator.onLine || this.session.outbox.trouble === "offline";
  }

  /** Nobody can claim it again without a connection: work goes on, and is sent if the task is still free. */
  announceOffline() {
    showBanner("lease", {
      message: "Your lease has expired.",
      remedy: "You are offline. What you rate is stored here, and saved if the task is still free.",
    });
    this.timer = setTimeout(() => this.check(), MINUTE_MS);
  }

  announceEnd() {
    if (this.hasEnded && this.session.isLocked) return;
    this.hasEnded = true;
    this.session.lock();
    showBanner("lease", {
      message: "Your lease has expired.",
      remedy: "The task may go to another labeler. Saved ratings are kept. Claim it again to continue.",
      tone: "error",
      actions: [
        ["Claim again", () => this.reclaim()],
        ["Open next task", () => this.session.fetchNext()],
      ],
    });
  }

  /** A new lease on the task on the desk, if nobody else took it. */
  async reclaim() {
    const { session } = this;
    const { id } = session.state;
    const answer = await request(session, `/assignments/${id}/lease`);
    if (!answer || !session.isOnDesk(id)) return;
    if (answer.ok) return this.renew(answer.body);
    showBanner("lease", {
      message: answer.body.message,
      remedy: answer.body.remedy,
      tone: "error",
      actions: [["Open next task", () => session.fetchNext()]],
    });
  }

  /** The server renewed it: `payload` is the task with what is saved. */
  renew(payload) {
    const { session } = this;
    session.state.payload.assignment = payload.assignment;
    this.hasEnded = false;
    session.lock(false);
    this.check();
    session.outbox.retry(session.state.id);
    showNote("renewed", "Your lease had expired and was renewed.", "No work was lost.");
  }
}
