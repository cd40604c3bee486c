// The same labeler in other tabs and windows of this browser. The server gives all of them the same lease:
// what is done in one shows in the others, and when one goes on, the others follow.

import { announce, showNote } from "./status.js";
import { slug, user } from "./page.js";

const KEY = `stepmark:${user}:${slug}:on`; // the assignment on the desk of the tab that changed it last
const RECENT_MS = 20000;

export class OtherTabs {
  constructor(session) {
    this.session = session;
    this.lastHeard = -Infinity;
    session.on("load", () => this.publish(session.state.id));
    session.on("empty", () => this.publish(null));
    session.on("saved", ({ assignment, answer }) => this.catchUp(assignment, answer));
    addEventListener("storage", (event) => this.handleStorage(event));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.current !== this.own) this.follow(Number(this.current) || null);
    });
  }

  get current() {
    try {
      return localStorage.getItem(KEY) ?? "";
    } catch {
      return this.own;
    }
  }

  publish(id) {
    this.own = String(id ?? "");
    try {
      localStorage.setItem(KEY, this.own);
    } catch {
      /* then each tab is by itself */
    }
  }

  handleStorage({ key, oldValue, newValue }) {
    const { outbox } = this.session;
    if (key === KEY) this.follow(Number(newValue) || null);
    else if (!key?.startsWith(outbox.storage.prefix)) return;
    else if (newValue) this.apply(JSON.parse(newValue));
    else if (oldValue && JSON.parse(oldValue).kind === "submission" && !outbox.hasSubmission)
      this.session.fetchAhead(); // the server knows what is on the desk, and can prefetch the next
  }

  /** Another tab put an entry into its outbox. */
  apply({ kind, assignment, body }) {
    const { session } = this;
    this.lastHeard = performance.now();
    session.outbox.flushSoon(3000 + Math.random() * 4000); // in case that tab is closed before it sends this
    if (!session.isOnDesk(assignment)) return;
    if (kind === "rating") {
      session.activeMs += body.active_ms;
      session.state.applyEvent(body, true);
      session.state.moveToFrontier();
      session.update({ follow: false });
    } else if (kind === "note") session.emit("note", body);
    else {
      session.finish();
      session.state = null;
      session.clear("Submitted in another tab. Loading the next task…");
    }
  }

  /** Another tab shows another assignment. */
  follow(id) {
    const { session } = this;
    if (document.hidden || session.state?.id === id) return; // a hidden tab follows once it is shown
    if (!id || !session.loadNext(id)) session.fetchNext();
  }

  /** The server may have more of this solution: it was also rated in another browser. Its answer may also
   *  be older than what another tab did meanwhile. */
  catchUp(assignment, answer) {
    const { session } = this;
    if (!session.isOnDesk(assignment)) return;
    const isUnsent = session.outbox.list(assignment).length > 0;
    if (isUnsent || performance.now() - this.lastHeard < RECENT_MS || !session.state.catchUp(answer)) return;
    session.update({ follow: false });
    announce("Updated with ratings from another window.");
  }
}

/** Whether the solution that a dialog was about left the desk while it was open; says so. */
export function hasLeft(session, state) {
  if (session.state === state) return false;
  showNote("left", "This solution was submitted in another tab.", "Undo the submission to change it.");
  return true;
}
