// Dialogs: the reason for a bad problem or for giving up, the reference answer, what to discard, and help.

import { asMath, renderMath } from "../math.js";
import { byId } from "./page.js";

function openDialog(id) {
  const dialog = byId(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }),
  );
}

function readReason(form) {
  const chosen = new FormData(form).get("reason");
  return [chosen, form.elements.more.value.trim()].filter(Boolean).join(". ");
}

/** The labeler's reason, or null if they cancelled: what they entered stays as a draft. */
export async function askReason(id, drafts, draftName) {
  const form = byId(id).querySelector("form");
  const error = form.querySelector(".error");
  restoreForm(form, drafts.read(draftName));
  error.hidden = true;
  const store = () => drafts.write(draftName, Object.fromEntries(new FormData(form)));
  const check = (event) => {
    if (event.submitter?.value !== "yes" || readReason(form)) return;
    event.preventDefault();
    error.hidden = false;
  };
  form.addEventListener("input", store);
  form.addEventListener("submit", check);
  const choice = await openDialog(id);
  form.removeEventListener("input", store);
  form.removeEventListener("submit", check);
  if (choice !== "yes") return null;
  drafts.remove(draftName);
  return readReason(form);
}

function restoreForm(form, draft) {
  form.reset();
  if (!draft) return;
  form.elements.more.value = draft.more ?? "";
  for (const radio of form.querySelectorAll("[name=reason]")) radio.checked = radio.value === draft.reason;
}

/** "step", "incorrect" or "unsure"; "" if they cancelled. */
export function askReferenceVerdict({ payload }) {
  const dialog = byId("reference-verdict");
  const { problem, final_answer: answer } = payload;
  renderMath(dialog.querySelector("[data-is=reference]"), asMath(problem.reference_answer));
  renderMath(dialog.querySelector("[data-is=answer]"), asMath(answer ?? "something else"));
  return openDialog("reference-verdict");
}

/** Whether to discard these changes. */
export async function confirmDiscard(changes) {
  const list = byId("discard").querySelector("[data-is=changes]");
  list.replaceChildren(
    ...changes.map((change) => Object.assign(document.createElement("li"), { textContent: change })),
  );
  return (await openDialog("discard")) === "yes";
}

export function showHelp() {
  return openDialog("help");
}

/** Digits press the buttons and choices of the open dialog, in their order. */
document.addEventListener("keydown", (event) => {
  const dialog = document.querySelector("dialog[open]");
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1] ?? (/^[1-9]$/.test(event.key) && event.key);
  if (!dialog || !digit || event.target.matches("textarea, input:not([type=radio])")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const choice = dialog.querySelector(`[data-digit="${digit}"]`);
  if (!choice) return;
  event.preventDefault();
  choice.click();
  choice.focus();
});
