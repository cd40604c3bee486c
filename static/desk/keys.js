// One key, one act. Keys held down do not repeat what cannot be taken back at a glance.
// Which key does what comes with the page: app/labeling/keys.py, and the labeler's own.

const own = JSON.parse(document.getElementById("desk").dataset.keys);
const KEYS = {
  ArrowDown: "down",
  ArrowUp: "up",
  ...Object.fromEntries(Object.entries(own).map(([name, key]) => [key, name])),
};
const MAY_REPEAT = new Set(["down", "up"]);

/** The key of an act, to show on its button. */
export function keyOf(name) {
  return own[name];
}

export function listen(act) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || event.target.closest?.("input, textarea, select")) return;
    const name = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
    if (!name || (event.repeat && !MAY_REPEAT.has(name))) return;
    // Enter on a link or a focused button is that button's, except on a face: those rate by their own key
    if (event.key === "Enter" && event.target.closest?.("a, button, summary")) return;
    event.preventDefault();
    act(name);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do]");
    if (button) act(button.dataset.do, button);
  });
}
