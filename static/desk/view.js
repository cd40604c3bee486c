// Draws a sheet. Built once for each solution (ahead of time for the next one), then only updated.

import { asMath, put, showSource } from "../math.js";
import { keyOf } from "./keys.js";
import { ratingOf, RATINGS } from "./ratings.js";

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
  use.setAttribute("href", `#rating-${name}`);
  svg.append(use);
  return svg;
}

function problem(data, asSource) {
  const section = make("section", "problem");
  section.setAttribute("aria-label", "Problem");
  section.append(
    make("p", "kicker", ["Problem", data.problem.subject, data.problem.level].filter(Boolean).join(" · ")),
  );
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

const idOf = (at, candidate) => (candidate ? `step-${at}-${candidate}` : `step-${at}`);

function step(text, at, candidate, mode, asSource) {
  const item = make("li", "step");
  const words = candidate ? `Step ${at + 1}, alternative ${candidate}` : `Step ${at + 1}`;
  item.id = idOf(at, candidate);
  item.dataset.at = at;
  item.dataset.candidate = candidate;
  item.hidden = candidate > 0 || mode === "alternatives";
  if (candidate) item.classList.add("other");
  item.tabIndex = -1;
  const faces = make("div", "faces");
  faces.setAttribute("role", "group");
  faces.setAttribute("aria-label", `Rate ${words}`);
  for (const { name, label, word } of RATINGS) {
    const button = make("button", `mini ${name}`);
    button.type = "button";
    button.dataset.do = name;
    button.title = label;
    button.setAttribute("aria-label", `${words}: ${word}`);
    button.append(face(name));
    faces.append(button);
  }
  const body = make("div", "text math-text");
  put(body, text, asSource);
  item.append(
    make("span", "number", candidate && mode !== "alternatives" ? "or" : String(at + 1)),
    faces,
    body,
    make("span", "verdict"),
  );
  if (mode === "alternatives") {
    const go = make("button", "choose", "Use this alternative ");
    go.type = "button";
    go.dataset.do = "choose";
    go.append(make("kbd", "", keyOf("choose")));
    item.append(go);
  }
  return item;
}

/** Where every candidate is wrong: the step as it should be. */
function writing() {
  const item = make("li", "writing");
  const label = make("label", "", "Write the correct step (optional)");
  const area = make("textarea");
  item.hidden = true;
  area.id = label.htmlFor = "written";
  area.maxLength = 20000;
  item.append(label, area);
  return item;
}

/** The solution as an element that is not on the page yet. */
export function build(data, asSource) {
  const root = document.createDocumentFragment();
  const list = make("ol", "steps");
  list.setAttribute("aria-label", "Steps of the solution");
  const others = [...data.alternatives];
  for (let at = 0; at <= Math.max(data.steps.length - 1, ...others.map((each) => each.position)); at++) {
    if (at < data.steps.length) list.append(step(data.steps[at], at, 0, data.task.mode, asSource));
    for (const each of others.filter((one) => one.position === at))
      list.append(step(each.text, at, each.candidate, data.task.mode, asSource));
  }
  if (data.task.mode === "alternatives") list.append(writing());
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

/** Nothing comes, and why: {title, message, action, blocked}, as the server says. */
export function showEmpty(why) {
  const shown = page("sheet").querySelector(":scope > .empty");
  if (shown?.textContent.includes(why.message)) return; // looked again: the same
  const made = page("empty").content.cloneNode(true);
  for (const name of ["title", "message", "action"])
    made.querySelector(`[data-is=${name}]`).textContent = why[name];
  for (const part of made.querySelectorAll("[data-when]"))
    part.hidden = (part.dataset.when === "blocked") !== why.blocked;
  made.querySelector(".big").toggleAttribute("hidden", why.blocked);
  page("sheet").replaceChildren(made);
  page("sheet").setAttribute("aria-busy", "false");
  page("controls").hidden = true;
  page("progress").textContent = "";
  if (!document.querySelector("dialog[open]"))
    page("sheet").querySelector("h2").focus({ preventScroll: true });
  announce(`${why.title}. ${why.message} ${why.action}`);
}

export function showWaiting(words) {
  const note = make("p", "waiting muted", words);
  page("sheet").replaceChildren(note);
  page("controls").hidden = true;
}

/** Bring what is on the page up to the sheet. */
export function update(sheet) {
  for (const item of page("sheet").querySelectorAll(".step")) updateStep(item, sheet);
  const area = page("written");
  if (area) {
    area.parentNode.hidden = !sheet.allWrong;
    if (document.activeElement !== area) area.value = sheet.written.get(sheet.end) ?? "";
  }
  const ready = sheet.finish !== null;
  const submit = page("controls").querySelector("[data-do=submit]");
  submit.setAttribute("aria-disabled", String(!ready));
  submit.classList.toggle("found", sheet.finish === "found_error");
  page("controls").classList.toggle("ready", ready);
  page("missing").textContent = sheet.missing;
  page("progress").textContent = `Step ${sheet.cursor + 1} of ${sheet.steps.length}`;
  const place = sheet.word(sheet.cursor, sheet.candidate);
  for (const { name, value } of RATINGS)
    page("controls")
      .querySelector(`.face.${name}`)
      .setAttribute("aria-pressed", String(place?.rating === value));
  page("controls")
    .querySelector(".face.flag")
    .setAttribute("aria-pressed", String(Boolean(place?.flagged)));
}

function updateStep(item, sheet) {
  const at = Number(item.dataset.at);
  const candidate = Number(item.dataset.candidate);
  const place = sheet.counts(at, candidate) ? sheet.word(at, candidate) : null;
  const chosen = sheet.chosen?.get(at) === candidate && sheet.end > at;
  const name = place ? ratingOf(place.rating).name : "";
  const here = at === sheet.cursor && candidate === sheet.candidate;
  item.hidden = !sheet.shown(at, candidate);
  const go = item.querySelector(".choose");
  if (go) go.hidden = !here || !sheet.choosable(at, candidate);
  item.className = [
    "step",
    candidate && "other",
    chosen && "chosen",
    here && "here",
    sheet.reached(at, candidate) ? name && `judged ${name}` : "later",
  ]
    .filter(Boolean)
    .join(" ");
  if (here) item.setAttribute("aria-current", "step");
  else item.removeAttribute("aria-current");
  for (const { name: rating, value } of RATINGS) {
    const button = item.querySelector(`.mini.${rating}`);
    button.setAttribute("aria-pressed", String(place?.rating === value));
    button.tabIndex = here ? 0 : -1;
  }
  const verdict = item.querySelector(".verdict");
  const key = name + Boolean(place?.flagged) + sheet.reached(at, candidate);
  if (verdict.dataset.key === key) return;
  verdict.dataset.key = key;
  verdict.className = `verdict ${name}`;
  verdict.replaceChildren();
  if (place) verdict.append(face(name), make("span", "", ratingOf(place.rating).word));
  if (place?.flagged && place.rating !== null) verdict.append(face("flag"), make("span", "sr", "flagged"));
}

/** Bring the step the labeler is on into sight and into focus, below the problem and above the controls. */
export function follow(sheet) {
  const item = page(idOf(sheet.cursor, sheet.candidate));
  if (!item) return;
  if (!document.querySelector("dialog[open]")) item.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  item.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
}

export function announce(words) {
  page("announcer").textContent = words;
}

export function showSaving(outbox) {
  const waiting = outbox.waiting;
  const state = outbox.trouble || (waiting ? "saving" : "saved");
  const offline = navigator.onLine ? "No answer" : "Offline";
  const words = {
    saved: "Saved",
    saving: `Saving ${waiting}…`,
    offline: `${offline}: ${waiting} unsent`,
    "signed-out": `Signed out: ${waiting} unsent`,
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
  box.replaceChildren(
    words,
    ...acts.map(([label, run]) => {
      const button = make("button", "", label);
      button.type = "button";
      button.addEventListener("click", run);
      return button;
    }),
  );
}

export function source(asSource) {
  showSource(page("sheet"), asSource);
  document.querySelector(".desk-top [data-do=source]").setAttribute("aria-pressed", String(asSource));
}
