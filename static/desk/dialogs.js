// Questions that need words: why a problem is bad, why one gives up, whether the reference is wrong.

import { asMath, put } from "../math.js";

function open(id) {
  const dialog = document.getElementById(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }),
  );
}

/** The labeler's reason, or null when they went back. */
export async function reason(id) {
  const form = document.getElementById(id).querySelector("form");
  const wrong = form.querySelector(".wrong");
  form.reset();
  wrong.hidden = true;
  const said = () =>
    [new FormData(form).get("reason"), form.elements.more.value.trim()].filter(Boolean).join(". ");
  const check = (event) => {
    if (event.submitter?.value !== "yes" || said()) return;
    event.preventDefault();
    wrong.hidden = false;
  };
  form.addEventListener("submit", check);
  const choice = await open(id);
  form.removeEventListener("submit", check);
  return choice === "yes" ? said() : null;
}

/** "step", "incorrect" or "unsure"; "" when they went back. */
export function doubt(sheet) {
  const dialog = document.getElementById("doubt");
  put(dialog.querySelector("[data-is=reference]"), asMath(sheet.data.problem.reference_answer));
  put(dialog.querySelector("[data-is=answer]"), asMath(sheet.data.final_answer ?? "something else"));
  return open("doubt");
}

export function help() {
  return open("help");
}
