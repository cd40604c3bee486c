// Shows a solution on the desk and brings its elements up to the labeling state.

import { showSource } from "../math.js";
import { byId } from "./page.js";
import { RATINGS, ratingOf } from "./ratings.js";
import { createElement, createIcon, placeOf, stepId } from "./sheet-builder.js";
import { announce } from "./status.js";

const MARGIN = 8; // pixels above a step that starts at the top

export function showSheet(built) {
  byId("sheet").replaceChildren(built);
  byId("sheet").setAttribute("aria-busy", "false");
  byId("controls").hidden = false;
  scrollTo({ top: 0 });
}

/** Why there is no task: {title, message, action, blocked}, as the server says. */
export function showEmpty(reason) {
  const shown = byId("sheet").querySelector(":scope > .empty");
  if (shown?.textContent.includes(reason.message)) return; // refreshed, and the same
  const content = byId("empty").content.cloneNode(true);
  for (const name of ["title", "message", "action"])
    content.querySelector(`[data-is=${name}]`).textContent = reason[name];
  for (const part of content.querySelectorAll("[data-when]"))
    part.hidden = (part.dataset.when === "blocked") !== reason.blocked;
  content.querySelector(".big").toggleAttribute("hidden", reason.blocked);
  byId("sheet").replaceChildren(content);
  byId("sheet").setAttribute("aria-busy", "false");
  byId("controls").hidden = true;
  byId("progress").textContent = "";
  if (!document.querySelector("dialog[open]"))
    byId("sheet").querySelector("h2").focus({ preventScroll: true });
  announce(`${reason.title}. ${reason.message} ${reason.action}`);
}

export function showWaiting(text) {
  byId("sheet").replaceChildren(createElement("p", "waiting muted", text));
  byId("controls").hidden = true;
}

/** Bring what is on the page up to the state. */
export function updateSheet(state, isLocked) {
  for (const item of byId("sheet").querySelectorAll(".step")) updateStep(item, state);
  updateTextField(state);
  updateControls(state, isLocked);
  byId("progress").textContent = `Step ${state.cursor + 1} of ${state.steps.length}`;
}

function updateTextField(state) {
  const area = byId("human-text");
  if (!area) return;
  area.parentNode.hidden = !state.allNegative;
  if (document.activeElement !== area) area.value = state.humanTexts.get(state.frontier) ?? "";
}

function updateControls(state, isLocked) {
  const controls = byId("controls");
  const isReady = state.finishReason !== null && !isLocked;
  const submit = controls.querySelector("[data-do=submit]");
  submit.setAttribute("aria-disabled", String(!isReady));
  submit.classList.toggle("has-error", state.finishReason === "found_error");
  controls.classList.toggle("ready", isReady);
  controls.classList.toggle("locked", isLocked);
  byId("missing").textContent = isLocked ? "Locked" : state.remaining;
  const rating = state.getRating(state.cursor, state.candidate);
  for (const { name, value } of RATINGS)
    controls.querySelector(`.face.${name}`).setAttribute("aria-pressed", String(rating?.rating === value));
  controls.querySelector(".face.flag").setAttribute("aria-pressed", String(Boolean(rating?.flagged)));
}

function updateStep(item, state) {
  const [position, candidate] = placeOf(item);
  const isReached = state.isReached(position, candidate);
  const rating = isReached ? state.getRating(position, candidate) : undefined;
  const isCurrent = position === state.cursor && candidate === state.candidate;
  const isChosen =
    state.path?.[position] === candidate && state.listCandidates(state.path.slice(0, position)).length > 1;
  const isChoosable = isCurrent && Boolean(state.isChoosable?.(position, candidate));
  const isVisible = state.isVisible(position, candidate);
  const key = [
    isReached,
    rating?.rating,
    rating?.flagged,
    isCurrent,
    isChosen,
    isChoosable,
    isVisible,
  ].join();
  if (item.dataset.key === key) return;
  item.dataset.key = key;
  item.hidden = !isVisible;
  const button = item.querySelector(".choose");
  if (button) button.hidden = !isChoosable;
  const name = rating ? ratingOf(rating.rating).name : "";
  const classes = {
    alternative: candidate,
    chosen: isChosen,
    current: isCurrent,
    unreached: !isReached,
    rated: rating,
  };
  const active = Object.keys(classes).filter((className) => classes[className]);
  item.className = ["step", ...active, name].filter(Boolean).join(" ");
  if (isCurrent) item.setAttribute("aria-current", "step");
  else item.removeAttribute("aria-current");
  updateFaces(item, rating, isCurrent);
  updateVerdict(item.querySelector(".verdict"), rating, name);
}

function updateFaces(item, rating, isCurrent) {
  for (const { name, value } of RATINGS) {
    const button = item.querySelector(`.mini.${name}`);
    button.setAttribute("aria-pressed", String(rating?.rating === value));
    button.tabIndex = isCurrent ? 0 : -1;
  }
}

function updateVerdict(verdict, rating, name) {
  verdict.className = `verdict ${name}`;
  verdict.replaceChildren();
  if (!rating) return;
  verdict.append(createIcon(name), createElement("span", "", ratingOf(rating.rating).word));
  if (rating.flagged && rating.rating !== null)
    verdict.append(createIcon("flag"), createElement("span", "sr", "flagged"));
}

/** Focus the current step and bring it to a third of the room between problem and controls; a tall one starts
 *  at its top. A solution that was just loaded stays at its start while the current step is in sight. */
export function followCursor(state, { isNew = false } = {}) {
  const item = byId(stepId(state.cursor, state.candidate));
  if (!item) return;
  if (!document.querySelector("dialog[open]")) item.focus({ preventScroll: true });
  const { top, bottom, height } = item.getBoundingClientRect();
  const [start, end] = findRoom(item);
  const isIntroduced = byId("introduction")?.hidden === false;
  if (isNew && (isIntroduced || (top >= start && bottom <= end))) return;
  const isTall = height > (2 / 3) * (end - start);
  scrollBy({ top: top - (isTall ? start + MARGIN : start + (end - start) / 3) });
}

/** The part of the window between what sticks at its top and the controls at its bottom. */
function findRoom(item) {
  const bar = document.querySelector(".desk-top");
  const problem = byId("sheet").querySelector(".problem");
  const isBeside = problem.offsetLeft + problem.offsetWidth <= item.offsetLeft;
  const top = bar.offsetHeight + (isBeside ? 0 : problem.offsetHeight);
  return [top, byId("controls").getBoundingClientRect().top];
}

export function focusCurrentStep() {
  document.querySelector(".step.current")?.focus({ preventScroll: true });
}

export function renderSource(asSource) {
  showSource(byId("sheet"), asSource);
  document.querySelector(".desk-top [data-do=source]").setAttribute("aria-pressed", String(asSource));
}
