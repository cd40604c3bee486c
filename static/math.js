// Mathematics in text: `.math-text` elements, rendered by KaTeX, never as HTML.
//
// math-delimiters.js finds the formulas. What KaTeX refuses, what is too long or nests too deep stays as its
// source: text is always shown, and rendering is bounded.
//
// Code between ``` fences and Markdown tables stand as blocks that scroll by themselves (text-blocks.js).

import { isBareMath, LONGEST_FORMULA, split } from "./math-delimiters.js";
import { rewrite } from "./math-rewrite.js";
import { blocks } from "./text-blocks.js";

const OPTIONS = {
  throwOnError: true,
  trust: false,
  strict: "ignore",
  maxExpand: 200,
  maxSize: 20,
  output: "htmlAndMathml",
};
const DEEPEST = 60; // nested braces
const MOST = 400; // formulas in one text: the rest stays as source
const BUDGET_MS = 400; // and what this time does not suffice for
const SLICE_MS = 100; // what a page draws without a pause
const raw = new WeakMap();
const NEARLY = 4; // pixels that need no scrolling
const sizes = new ResizeObserver((seen) =>
  seen.forEach(({ target }) => {
    reach(target.closest(".math, .block"));
  }),
);

function tooMuch(math) {
  if (math.length > LONGEST_FORMULA) return true;
  let depth = 0;
  for (const letter of math) {
    if (letter === "{") depth++;
    else if (letter === "}") depth--;
    if (depth > DEEPEST) return true;
  }
  return (math.match(/\\(?:left|begin|frac|dfrac|sqrt|over)\b/g) ?? []).length > 300;
}

function drawn(piece) {
  const span = document.createElement("span");
  const isDrawn =
    !tooMuch(piece.math) &&
    (into(span, piece.math, piece.display) || into(span, rewrite(piece.math), piece.display));
  if (isDrawn) {
    span.className = piece.display ? "math display" : "math";
    watched(span, "Wide formula");
  } else {
    span.className = "math source";
    span.textContent = piece.source;
  }
  return span;
}

function watched(box, name) {
  box.dataset.name = name;
  sizes.observe(box);
  if (box.firstElementChild) sizes.observe(box.firstElementChild); // fonts arrive after the layout
  return box;
}

/** What is wider than its place scrolls: then, and only then, it can be reached by keyboard; but
 *  not inside a link, which would hold something else to reach. */
function reach(span) {
  const scrolls =
    span.scrollWidth > span.clientWidth + NEARLY &&
    getComputedStyle(span).display !== "inline" &&
    !span.closest("a");
  if (scrolls === span.hasAttribute("tabindex")) return;
  const named = { tabindex: "0", role: "group", "aria-label": span.dataset.name };
  for (const [name, value] of Object.entries(named))
    scrolls ? span.setAttribute(name, value) : span.removeAttribute(name);
}

function into(span, math, displayMode) {
  try {
    window.katex.render(math, span, { ...OPTIONS, displayMode, macros: { "\\mbox": "\\text{#1}" } });
    return true;
  } catch {
    return false; // whatever it was: the source is shown instead
  }
}

function make(tag, className, ...inside) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...inside);
  return element;
}

/** Text with its mathematics; `room` says how much more may be drawn. */
function inline(text, room) {
  const pieces = split(text);
  const nodes = pieces.map((piece, at) => {
    if (piece.math === undefined) return withoutBreaks(piece.text, pieces[at - 1], pieces[at + 1]);
    return room.left-- > 0 && performance.now() < room.end ? drawn(piece) : piece.source;
  });
  return nodes.map((node, at) => closed(nodes, node, at)).flatMap(isolateArithmetic);
}

/** A displayed formula has a margin of its own: the line breaks around it add none. */
function withoutBreaks(text, before, after) {
  const start = before?.display ? text.replace(/^[ \t]*\n/, "") : text;
  return after?.display ? start.replace(/\n[ \t]*$/, "") : start;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
const ARITHMETIC = /([\d(][\d\s+\-*/×÷·=<>().,%^]*[=+\-*/×÷·<>^][\d\s+\-*/×÷·=<>().,%^]*[\d)%])/;

/** In text that runs from right to left, bare arithmetic runs from left to right. */
function isolateArithmetic(node) {
  if (typeof node !== "string" || !RIGHT_TO_LEFT.test(node)) return [node];
  return node.split(ARITHMETIC).map((part, at) => {
    if (at % 2 === 0) return part;
    const span = make("span", "arithmetic", part);
    span.dir = "ltr";
    return span;
  });
}

/** What closes a sentence stays on the line of the formula before it. */
function closed(nodes, node, at) {
  const mark = typeof nodes[at + 1] === "string" ? /^[.,;:!?)\]]+/.exec(nodes[at + 1])?.[0] : "";
  if (!mark || node.className !== "math") return node;
  nodes[at + 1] = nodes[at + 1].slice(mark.length);
  return make("span", "nowrap", node, mark);
}

/** A heading is read as it was written: what is drawn in place of a formula names no column. */
function named(cell, source) {
  if (cell.tagName !== "TH" || !cell.querySelector(".math")) return cell;
  const drawn = make("span", "", ...cell.childNodes);
  drawn.setAttribute("aria-hidden", "true");
  cell.append(make("span", "sr", source.replaceAll("$", "")), drawn);
  return cell;
}

function table(rows, room) {
  const row = (cells, tag) =>
    make("tr", "", ...cells.map((cell) => named(make(tag, "", ...inline(cell, room)), cell)));
  const [head, ...body] = rows;
  const grid = make(
    "table",
    "",
    make("thead", "", row(head, "th")),
    make("tbody", "", ...body.map((cells) => row(cells, "td"))),
  );
  return watched(make("div", "block grid", grid), "Wide table");
}

function fill(element, text, asSource) {
  element.classList.toggle("as-source", asSource);
  if (asSource || !window.katex) return element.replaceChildren(text);
  const room = { end: performance.now() + BUDGET_MS, left: MOST };
  const cut = element.closest("a") ? [{ text }] : blocks(text); // links are short and hold no blocks
  element.replaceChildren(
    ...cut.flatMap((block) => {
      if (block.code !== undefined)
        return watched(make("pre", "block", make("code", "", block.code)), "Wide code");
      return block.rows ? table(block.rows, room) : inline(block.text, room);
    }),
  );
}

/** Put text into an element, its mathematics rendered. */
export function renderMath(element, text, asSource = false) {
  raw.set(element, text);
  fill(element, text, asSource);
}

/** Show everything under `root` as rendered mathematics, or as its source. */
export function showSource(root, asSource) {
  for (const element of root.querySelectorAll(".math-text"))
    if (raw.has(element)) fill(element, raw.get(element), asSource);
}

/** Answers come as bare LaTeX as often as not. Fractions are as large as the text. */
export function asMath(answer) {
  return isBareMath(answer) ? `\\(\\displaystyle ${answer}\\)` : answer;
}

/** Render every `.math-text` under `root` that was written by the server; answers are `.bare`.
 *  On a page full of it, what is further down comes a little later: no page stands still for it. */
export async function render(root) {
  let end = performance.now() + SLICE_MS;
  for (const element of root.querySelectorAll(".math-text")) {
    if (raw.has(element)) continue;
    if (performance.now() > end) {
      await new Promise((done) => setTimeout(done));
      end = performance.now() + SLICE_MS;
    }
    if (!raw.has(element))
      renderMath(element, element.matches(".bare") ? asMath(element.textContent) : element.textContent);
  }
}

render(document);
document.addEventListener("htmx:afterSettle", (event) => render(event.target));
