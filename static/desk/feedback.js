// What is told of a control solution once it was submitted, in projects that want it: a panel that is
// in nobody's way and goes with Escape. It waits until it is put away; the history keeps it.

import { put } from "../math.js";
import { ratingOf } from "./ratings.js";
import { announce } from "./view.js";

const panel = document.getElementById("feedback");
const room = panel?.querySelector(".room");

const word = (rating) => ratingOf(rating).word;

function part(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}

/** In one sentence. */
export function verdict(told) {
  if (told.correct) return "Your ratings match.";
  if (told.first_error === null) return "It has no error.";
  return `The first error is step ${told.first_error + 1}.`;
}

function line(each) {
  const item = document.createElement("li");
  const text = part("div", "", "math-text");
  put(text, each.text);
  item.append(
    part("b", `Step ${each.position + 1}: you rated ${word(each.given)}; expected ${word(each.expected)}.`),
    text,
  );
  return item;
}

/** `told` as the server sends it with a submission; nothing of most. */
export function show(told) {
  if (!told || !panel) return;
  const said = document.createElement("article");
  said.append(part("p", verdict(told)));
  if (told.differences.length) {
    const list = document.createElement("ul");
    list.append(...told.differences.map(line));
    said.append(list);
  }
  if (told.reason) {
    const why = part("p", "", "math-text");
    put(why, `Reason: ${told.reason}`);
    said.append(why);
  }
  const link = part("a", "Open submission");
  link.href = `/projects/${document.getElementById("desk").dataset.slug}/assignments/${told.assignment}`;
  said.append(link);
  if (panel.hidden) room.replaceChildren();
  room.prepend(said);
  panel.hidden = false;
  announce(
    [
      "That was a control task.",
      verdict(told),
      ...told.differences.map(
        (each) =>
          `Step ${each.position + 1}: you rated ${word(each.given)}; expected ${word(each.expected)}.`,
      ),
      told.reason,
    ].join(" "),
  );
}

function close() {
  panel.hidden = true;
  document.querySelector(".step.here")?.focus({ preventScroll: true });
}

panel?.querySelector("button").addEventListener("click", close);
addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || !panel || panel.hidden || document.querySelector("dialog[open]")) return;
    event.stopPropagation(); // what else is open goes with the next
    close();
  },
  true,
);
