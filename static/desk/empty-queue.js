// The desk without a task: says why, and asks again by itself while the page is in view.

import { showEmpty } from "./render.js";

const REFRESH_MS = 30000;

export class EmptyQueue {
  constructor(session) {
    this.session = session;
    session.on("empty", (reason) => this.show(reason));
  }

  show(reason) {
    showEmpty(reason);
    clearTimeout(this.timer);
    if (!reason.blocked) this.schedule();
  }

  schedule() {
    this.timer = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  refresh() {
    if (this.session.state) return;
    if (document.hidden) this.schedule();
    else this.session.fetchNext();
  }
}
