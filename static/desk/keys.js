// One key, one act. Keys held down do not repeat what cannot be taken back at a glance.

const KEYS = {
  "1": "bad", "2": "okay", "3": "great", f: "flag", u: "undo", s: "source", "?": "help", b: "bad_problem", c: "choose",
  g: "give_up", Enter: "submit", i: "instructions", n: "note", j: "down", ArrowDown: "down", k: "up", ArrowUp: "up",
};
const MAY_REPEAT = new Set(["down", "up"]);

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
