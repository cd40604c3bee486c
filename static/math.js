// Mathematics in text: `.math-text` elements, rendered by KaTeX, never as HTML.
//
// Delimiters: $$..$$, \[..\], \(..\), $..$, and bare \boxed{..} and \begin..\end, as models write
// them. A single $ opens only before a non-space and closes only after one and not before a digit
// (pandoc's rule), so that "$5 and $10" stays money. What KaTeX refuses, what is too long or nests
// too deep stays as its source: text is always shown, and rendering is bounded.
//
// Code between ``` fences and Markdown tables stand as blocks that scroll by themselves (text-blocks.js).

import { blocks } from "./text-blocks.js";

const OPTIONS = {
  throwOnError: true,
  trust: false,
  strict: "ignore",
  maxExpand: 200,
  maxSize: 20,
  output: "htmlAndMathml",
};
const LONGEST = 4000; // characters of one formula
const DEEPEST = 60; // nested braces
const MOST = 400; // formulas in one text: the rest stays as source
const BUDGET_MS = 400; // and what this time does not suffice for
const SLICE_MS = 100; // what a page draws without a pause
const START = /\$\$|\$|\\\(|\\\[|\\begin\{[a-zA-Z]+\*?\}|\\boxed\s*\{|\\\$/g;
const raw = new WeakMap();
const NEARLY = 4; // pixels that need no scrolling
const sizes = new ResizeObserver((seen) =>
  seen.forEach(({ target }) => {
    reach(target.closest(".math, .block"));
  }),
);

/** Cut text into [{text}] and [{math, display, source}] pieces. */
export function split(text) {
  const pieces = [];
  let from = 0;
  START.lastIndex = 0;
  for (let found = START.exec(text); found; found = START.exec(text)) {
    const piece = formula(text, found.index, found[0]);
    if (!piece) {
      START.lastIndex = found.index + found[0].length;
      continue;
    }
    if (piece.math === undefined) {
      // an escaped dollar
      pieces.push({ text: `${text.slice(from, found.index)}$` });
    } else {
      if (found.index > from) pieces.push({ text: text.slice(from, found.index) });
      pieces.push({ ...piece, source: text.slice(found.index, piece.end) });
    }
    from = START.lastIndex = piece.end;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

function formula(text, at, opened) {
  const inside = at + opened.length;
  if (opened === "\\$") return { end: inside };
  if (opened === "$$") return until(text, inside, "$$", true);
  if (opened === "\\(") return until(text, inside, "\\)", false);
  if (opened === "\\[") return until(text, inside, "\\]", true);
  if (opened === "$") return dollars(text, inside);
  if (opened.startsWith("\\begin")) {
    const close = `\\end${opened.slice(6)}`;
    const end = text.indexOf(close, inside);
    return end < 0
      ? null
      : { math: text.slice(at, end + close.length), display: true, end: end + close.length };
  }
  const end = closing(text, inside);
  return end < 0 ? null : { math: text.slice(at, end), display: false, end };
}

function until(text, from, close, display) {
  const end = text.indexOf(close, from);
  return end <= from ? null : { math: text.slice(from, end), display, end: end + close.length };
}

function dollars(text, from) {
  const limit = Math.min(text.length, from + LONGEST);
  for (let at = from; at < limit; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "$") {
      const math = text.slice(from, at);
      const tight = /\S/.test(text[from]) && /\S/.test(text[at - 1]) && !/\d/.test(text[at + 1] ?? "");
      const sure = /[\\^_=]/.test(math) && !math.includes("\\(") && !/\d/.test(text[at + 1] ?? "");
      return at > from && (tight || sure) ? { math, display: false, end: at + 1 } : null;
    } else if (text.startsWith("\n\n", at)) return null;
  }
  return null;
}

function closing(text, from) {
  for (let at = from, depth = 1; at < Math.min(text.length, from + LONGEST); at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  return -1;
}

function tooMuch(math) {
  if (math.length > LONGEST) return true;
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
  const money = piece.math.replace(/(?<!\\)\$/g, "\\$"); // "\\(5 + 5 = $10\\)": tried when it fails as it is
  if (tooMuch(piece.math) || !(into(span, piece.math, piece.display) || into(span, money, piece.display))) {
    span.className = "math source";
    span.textContent = piece.source;
  } else {
    span.className = piece.display ? "math display" : "math";
    watched(span, "Wide formula");
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
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...inside);
  return made;
}

/** Text with its mathematics; `room` says how much more may be drawn. */
function inline(text, room) {
  const nodes = split(text).map((piece) => {
    if (piece.math === undefined) return piece.text;
    return room.left-- > 0 && performance.now() < room.end ? drawn(piece) : piece.source;
  });
  return nodes.map((node, at) => closed(nodes, node, at));
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
  const whole = make(
    "table",
    "",
    make("thead", "", row(head, "th")),
    make("tbody", "", ...body.map((cells) => row(cells, "td"))),
  );
  return watched(make("div", "block grid", whole), "Wide table");
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
export function put(element, text, asSource = false) {
  raw.set(element, text);
  fill(element, text, asSource);
}

/** Show everything under `root` as rendered mathematics, or as its source. */
export function showSource(root, asSource) {
  for (const element of root.querySelectorAll(".math-text"))
    if (raw.has(element)) fill(element, raw.get(element), asSource);
}

/** Answers come as bare LaTeX as often as not. */
export function asMath(answer) {
  return /[\\^_{]/.test(answer) && !/[$]|\\[([]/.test(answer) ? `\\(${answer}\\)` : answer;
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
      put(element, element.matches(".bare") ? asMath(element.textContent) : element.textContent);
  }
}

render(document);
document.addEventListener("htmx:afterSettle", (event) => render(event.target));
