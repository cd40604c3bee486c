// Builds the elements of a solution, ahead of time for the next one. render.js keeps them up to date.

import { asMath, renderMath } from "../math.js";
import { keys } from "./page.js";
import { RATINGS } from "./ratings.js";

const VISIBLE = /[^\s\p{C}\p{Z}\u115f\u1160\u2800\u3164\uffa0]/u; // a character that leaves a mark
const SVG = "http://www.w3.org/2000/svg";

export function createElement(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

export function createIcon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#rating-${name}`);
  svg.append(use);
  return svg;
}

export function stepId(position, candidate) {
  return candidate ? `step-${position}-${candidate}` : `step-${position}`;
}

/** The position and candidate of a step's element. */
export function placeOf(item) {
  return [Number(item.dataset.position), Number(item.dataset.candidate)];
}

/** "Step 3", or "Step 3, alternative 2". */
export function stepName(position, candidate) {
  return candidate ? `Step ${position + 1}, alternative ${candidate}` : `Step ${position + 1}`;
}

/** The solution as a fragment that is not on the page yet. */
export function buildSheet(payload, asSource) {
  const root = document.createDocumentFragment();
  root.append(buildProblem(payload.problem, asSource), buildSteps(payload, asSource));
  return root;
}

function buildProblem({ statement, subject, level, reference_answer: answer }, asSource) {
  const section = createElement("section", "problem");
  section.setAttribute("aria-label", "Problem");
  section.append(createElement("p", "kicker", ["Problem", subject, level].filter(Boolean).join(" · ")));
  const text = createElement("div", "statement math-text");
  text.tabIndex = 0; // long ones scroll in their own frame
  renderMath(text, statement, asSource);
  section.append(text);
  if (answer !== null) {
    const box = createElement("div", "reference");
    const value = createElement("b", "math-text");
    renderMath(value, asMath(answer), asSource);
    box.append(createElement("span", "", "Reference answer"), value);
    section.append(box);
  }
  return section;
}

function buildSteps({ steps, alternatives, task }, asSource) {
  const list = createElement("ol", "steps");
  list.setAttribute("aria-label", "Steps of the solution");
  const last = Math.max(steps.length - 1, ...alternatives.map((step) => step.position));
  for (let position = 0; position <= last; position++) {
    const own = position < steps.length ? [{ candidate: 0, text: steps[position] }] : [];
    const others = alternatives.filter((step) => step.position === position);
    for (const { candidate, text } of [...own, ...others])
      list.append(buildStep(text, position, candidate, task.is_branching, asSource));
  }
  if (task.is_branching) list.append(buildTextField());
  return list;
}

function buildStep(text, position, candidate, isBranching, asSource) {
  const item = createElement("li", candidate ? "step alternative" : "step");
  item.id = stepId(position, candidate);
  item.dataset.position = position;
  item.dataset.candidate = candidate;
  item.hidden = candidate > 0 || isBranching;
  item.tabIndex = -1;
  const body = createElement("div", "text math-text");
  renderMath(body, text, asSource);
  if (!VISIBLE.test(text)) body.dataset.blank = "This step shows nothing.";
  item.append(
    createElement("span", "number", candidate && !isBranching ? "or" : String(position + 1)),
    buildFaces(stepName(position, candidate)),
    body,
    createElement("span", "verdict"),
  );
  if (isBranching) item.append(buildChooseButton());
  return item;
}

function buildFaces(name) {
  const faces = createElement("div", "faces");
  faces.setAttribute("role", "group");
  faces.setAttribute("aria-label", `Rate ${name}`);
  for (const rating of RATINGS) {
    const button = createElement("button", `mini ${rating.name}`);
    button.type = "button";
    button.dataset.do = rating.name;
    button.title = rating.label;
    button.setAttribute("aria-label", `${name}: ${rating.word}`);
    button.append(createIcon(rating.name));
    faces.append(button);
  }
  return faces;
}

function buildChooseButton() {
  const button = createElement("button", "choose", "Use this alternative ");
  button.type = "button";
  button.dataset.do = "choose";
  button.append(createElement("kbd", "", keys.choose));
  return button;
}

/** Where every candidate is negative: the step as it should be. */
function buildTextField() {
  const item = createElement("li", "human-text");
  const label = createElement("label", "", "Write the correct step (optional)");
  const area = createElement("textarea");
  item.hidden = true;
  area.id = label.htmlFor = "human-text";
  area.maxLength = 20000;
  item.append(label, area);
  return item;
}
