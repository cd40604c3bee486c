// The step that the labeler writes where every alternative is negative. Each key stores a draft in this
// browser; the outbox has the text 300 ms after the last one.

import { byId } from "./page.js";

const SAVE_AFTER_MS = 300;

export class HumanText {
  constructor(session, drafts) {
    this.session = session;
    this.drafts = drafts;
    this.pending = null; // {state, position, text} that the outbox does not have yet
    byId("sheet").addEventListener("input", ({ target }) => target.id === "human-text" && this.store(target));
    byId("sheet").addEventListener("change", ({ target }) => target.id === "human-text" && this.save());
    byId("sheet").addEventListener("keydown", (event) => this.handleKey(event));
    for (const name of ["pagehide", "visibilitychange"]) addEventListener(name, () => this.save());
    session.on("load", () => this.restore());
  }

  store(area) {
    const { state } = this.session;
    this.pending = { state, position: state.frontier, text: area.value };
    state.humanTexts.set(state.frontier, area.value);
    this.drafts.write(this.nameOf(this.pending), area.value);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
    this.session.emit("change");
  }

  save() {
    clearTimeout(this.timer);
    if (!this.pending) return;
    const { state, position, text } = this.pending;
    this.drafts.remove(this.nameOf(this.pending));
    this.pending = null;
    if (this.session.state !== state || this.session.isLocked) return;
    this.session.saveEvent(position, 0, { human_text: text }, { follow: false });
  }

  /** A draft that the browser was closed on. */
  restore() {
    const { state } = this.session;
    if (!state.humanTexts) return;
    const name = this.nameOf({ state, position: state.frontier });
    const text = this.drafts.read(name);
    if (text === null) return;
    state.humanTexts.set(state.frontier, text);
    this.drafts.remove(name);
    this.session.saveEvent(state.frontier, 0, { human_text: text }, { follow: false });
  }

  handleKey(event) {
    if (event.target.id !== "human-text") return;
    if (event.key === "Escape") event.target.blur();
    else if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    else this.session.emit("submit");
    event.preventDefault();
  }

  nameOf({ state, position }) {
    return `human-text:${state.id}:${position}`;
  }
}
