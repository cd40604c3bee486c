// Shortcuts: one key, one action. The keys come with the page: app/labeling/shortcuts.py, and the labeler's
// own. A keyboard layout that has no such letter or digit is read by the place of its keys.

import { keys } from "./page.js";

const ACTION_OF = {
  ArrowDown: "down",
  ArrowUp: "up",
  ...Object.fromEntries(Object.entries(keys).map(([action, key]) => [key, action])),
};
const REPEATABLE = new Set(["down", "up"]);
const LATIN_LETTER = /^[a-z]$/i;

/** The action of a key event, or undefined. */
export function findAction({ key, code, shiftKey }) {
  const action = ACTION_OF[key] ?? ACTION_OF[key.toLowerCase()];
  if (action || key.length !== 1 || shiftKey) return action;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code)?.[1];
  const letter = LATIN_LETTER.test(key) ? undefined : /^Key([A-Z])$/.exec(code)?.[1].toLowerCase();
  return ACTION_OF[digit ?? letter];
}

/** Calls `run(action, button)` for keys and buttons, and `reportUnknown(key)` for a key without action. */
export function listen(run, reportUnknown) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || event.target.closest?.("input, textarea, select")) return;
    const action = findAction(event);
    if (!action && event.key.length === 1 && event.key !== " ") reportUnknown(event.key);
    if (!action || (event.repeat && !REPEATABLE.has(action))) return;
    // Enter on a link or a focused button presses that, except on a face, which has a key of its own
    if (event.key === "Enter" && event.target.closest?.("a, button, summary")) return;
    event.preventDefault();
    run(action);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do]");
    if (button) run(button.dataset.do, button);
  });
}
