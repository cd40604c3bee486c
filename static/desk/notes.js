// Notes on steps: the dialog, its drafts, and the notes under the steps.

import { newId } from "./ids.js";
import { hasLeft } from "./other-tabs.js";
import { byId } from "./page.js";
import { followCursor } from "./render.js";
import { placeOf } from "./sheet-builder.js";
import { announce } from "./status.js";

function findNote(state, position, candidate) {
  const isSame = (note) => note.position === position && (note.candidate ?? 0) === candidate;
  return state.payload.notes?.find(isSame)?.text ?? "";
}

function storeNote(state, { position, candidate = 0, text }) {
  const others = (state.payload.notes ?? []).filter(
    (note) => note.position !== position || (note.candidate ?? 0) !== candidate,
  );
  state.payload.notes = [...others, { position, candidate, text }];
}

export class Notes {
  constructor(session, drafts) {
    this.session = session;
    this.drafts = drafts;
    this.dialog = byId("note");
    this.field = this.dialog.querySelector("textarea");
    session.on("load", () => this.render());
    session.on("note", (body) => {
      storeNote(session.state, body);
      this.render();
    });
    this.field.addEventListener("input", () => this.drafts.write(this.draftName, this.field.value));
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.dialog.close("yes");
    });
  }

  /** Ask for a note on the current step. Closing the dialog keeps the text as a draft. */
  async edit() {
    const { state } = this.session;
    const place = [state.cursor, state.candidate];
    const saved = findNote(state, ...place);
    await this.open(state, place, saved);
    if (this.dialog.returnValue === "yes") this.save(state, place, saved);
    if (this.session.state !== state) return;
    this.render();
    followCursor(state);
  }

  open(state, [position, candidate], saved) {
    const alternative = candidate ? `, alternative ${candidate}` : "";
    this.dialog.querySelector("[data-is=step]").textContent = `${position + 1}${alternative}`;
    this.draftName = this.nameOf(state, position, candidate);
    const draft = this.drafts.read(this.draftName);
    this.field.value = draft ?? saved;
    this.dialog.querySelector("[data-is=draft]").hidden = draft === null || draft === saved;
    this.dialog.returnValue = "";
    this.dialog.showModal();
    this.field.focus();
    return new Promise((resolve) => this.dialog.addEventListener("close", resolve, { once: true }));
  }

  save(state, [position, candidate], saved) {
    const text = this.field.value.trim();
    this.drafts.remove(this.nameOf(state, position, candidate));
    if (text === saved) return;
    const body = { id: newId(), position, candidate, text };
    storeNote(state, body);
    this.session.enqueue("note", body, state);
    announce(text ? `Note on step ${position + 1} saved` : "Note removed");
    hasLeft(this.session, state);
  }

  nameOf(state, position, candidate) {
    return `note:${state.id}:${position}:${candidate}`;
  }

  /** Notes under their steps, and drafts that were closed without saving. */
  render() {
    const { state } = this.session;
    for (const item of byId("sheet").querySelectorAll(".step")) {
      const [position, candidate] = placeOf(item);
      const saved = findNote(state, position, candidate);
      const draft = this.drafts.read(this.nameOf(state, position, candidate));
      const isDraft = draft !== null && draft.trim() !== saved && draft.trim() !== "";
      this.renderNote(item, isDraft ? `Unsaved note: ${draft.trim()}` : saved, isDraft);
    }
  }

  renderNote(item, text, isDraft) {
    let note = item.querySelector(":scope > .note");
    if (!text) return note?.remove();
    if (!note) {
      note = document.createElement("p");
      item.append(note);
    }
    note.className = isDraft ? "note draft" : "note";
    note.textContent = text;
  }
}
