// Draws a sheet. Built once for each solution (ahead of time for the next one), then only updated.

import { asMath, put, showSource } from "../math.js";
import { WORDS } from "./state.js";

const FACES = [["bad", -1], ["okay", 0], ["great", 1]];
const SVG = "http://www.w3.org/2000/svg";
const page = (id) => document.getElementById(id);

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function face(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#face-${name}`);
  svg.append(use);
  return svg;
}

function problem(data, asSource) {
  const section = make("section", "problem");
  section.setAttribute("aria-label", "Problem");
  section.append(make("p", "kicker", ["Problem", data.problem.subject, data.problem.level].filter(Boolean).join(" · ")));
  const statement = make("div", "statement math-text");
  statement.tabIndex = 0; // long ones scroll in their own frame
  put(statement, data.problem.statement, asSource);
  section.append(statement);
  if (data.problem.reference_answer !== null) {
    const box = make("div", "reference");
    const answer = make("b", "math-text");
    put(answer, asMath(data.problem.reference_answer), asSource);
    box.append(make("span", "", "Reference answer"), answer);
    section.append(box);
  }
  return section;
}

function step(text, at, asSource) {
  const item = make("li", "step");
  item.id = `step-${at}`;
  item.dataset.at = at;
  item.tabIndex = -1;
  const faces = make("div", "faces");
  faces.setAttribute("role", "group");
  faces.setAttribute("aria-label", `Rate step ${at + 1}`);
  for (const [name] of FACES) {
    const button = make("button", `mini ${name}`);
    button.type = "button";
    button.dataset.do = name;
    button.title = name[0].toUpperCase() + name.slice(1);
    button.setAttribute("aria-label", `Step ${at + 1}: ${name}`);
    button.append(face(name));
    faces.append(button);
  }
  const body = make("div", "text math-text");
  put(body, text, asSource);
  item.append(make("span", "number", String(at + 1)), faces, body, make("span", "verdict"));
  return item;
}

/** The solution as an element that is not on the page yet. */
export function build(data, asSource) {
  const root = document.createDocumentFragment();
  const list = make("ol", "steps");
  list.setAttribute("aria-label", "Steps of the solution");
  list.append(...data.steps.map((text, at) => step(text, at, asSource)));
  root.append(problem(data, asSource), list);
  return root;
}

export function show(built) {
  const sheet = page("sheet");
  sheet.replaceChildren(built);
  sheet.setAttribute("aria-busy", "false");
  page("controls").hidden = false;
  scrollTo({ top: 0 });
}

export function showEmpty() {
  page("sheet").replaceChildren(page("empty").content.cloneNode(true));
  page("sheet").setAttribute("aria-busy", "false");
  page("controls").hidden = true;
  page("progress").textContent = "";
}

export function showWaiting(words) {
  const note = make("p", "waiting soft", words);
  page("sheet").replaceChildren(note);
  page("controls").hidden = true;
}

/** Bring what is on the page up to the sheet. */
export function update(sheet) {
  for (const item of page("sheet").querySelectorAll(".step")) updateStep(item, sheet);
  const ready = sheet.finish !== null;
  const submit = page("controls").querySelector("[data-do=submit]");
  submit.setAttribute("aria-disabled", String(!ready));
  submit.classList.toggle("found", sheet.finish === "found_error");
  page("controls").classList.toggle("ready", ready);
  page("missing").textContent = sheet.missing;
  page("progress").textContent = `Step ${sheet.cursor + 1} of ${sheet.steps.length}`;
  const place = sheet.places.get(sheet.cursor);
  for (const [name, rating] of FACES)
    page("controls").querySelector(`.face.${name}`).setAttribute("aria-pressed", String(place?.rating === rating));
  page("controls").querySelector(".face.flag").setAttribute("aria-pressed", String(Boolean(place?.flagged)));
}

function updateStep(item, sheet) {
  const at = Number(item.dataset.at);
  const place = sheet.counts(at) ? sheet.places.get(at) : null;
  const name = place ? WORDS[place.rating] ?? "flag" : "";
  const here = at === sheet.cursor;
  item.className = ["step", here && "here", sheet.reached(at) ? name && `judged ${name}` : "later"].filter(Boolean).join(" ");
  if (here) item.setAttribute("aria-current", "step");
  else item.removeAttribute("aria-current");
  for (const [face, rating] of FACES) {
    const button = item.querySelector(`.mini.${face}`);
    button.setAttribute("aria-pressed", String(place?.rating === rating));
    button.tabIndex = here ? 0 : -1;
  }
  const verdict = item.querySelector(".verdict");
  const key = name + Boolean(place?.flagged) + sheet.reached(at);
  if (verdict.dataset.key === key) return;
  verdict.dataset.key = key;
  verdict.className = `verdict ${name}`;
  verdict.replaceChildren();
  if (place) verdict.append(face(name), make("span", "", place.rating === null ? "can’t tell" : name));
  if (place?.flagged && place.rating !== null) verdict.append(face("flag"), make("span", "sr", "flagged"));
}

/** Bring the step the labeler is on into sight and into focus, below the problem and above the controls. */
export function follow(sheet) {
  const item = page(`step-${sheet.cursor}`);
  if (!item) return;
  if (!document.querySelector("dialog[open]")) item.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  item.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}

export function announce(words) { page("announcer").textContent = words; }

export function showSaving(outbox) {
  const waiting = outbox.waiting;
  const state = outbox.trouble || (waiting ? "saving" : "saved");
  const offline = navigator.onLine ? "No answer" : "Offline";
  const words = {
    saved: "All saved",
    saving: `Saving ${waiting}…`,
    offline: `${offline}: ${waiting} waiting, will be sent`,
    "signed-out": `Signed out: ${waiting} kept here`,
  }[waiting || state === "signed-out" ? state : "saved"];
  const save = page("save");
  if (save.dataset.state !== state) save.dataset.state = state;
  const place = save.querySelector(".words");
  if (place.textContent !== words) place.textContent = words;
}

export function showDay(count, activeMs) {
  const minutes = Math.round(activeMs / 60000);
  page("day").textContent = count ? `Today: ${count} · ${minutes} min` : "";
}

/** A banner with what happened and what to do; `acts` are [words, function]. */
export function banner(message, remedy = "", acts = [], tone = "warn") {
  const box = page("banner");
  box.hidden = !message;
  box.className = `banner ${tone}`;
  const words = make("div");
  words.append(make("b", "", message), " ", remedy);
  box.replaceChildren(words, ...acts.map(([label, run]) => {
    const button = make("button", "", label);
    button.type = "button";
    button.addEventListener("click", run);
    return button;
  }));
}

export function source(asSource) {
  showSource(page("sheet"), asSource);
  document.querySelector(".desk-top [data-do=source]").setAttribute("aria-pressed", String(asSource));
}
