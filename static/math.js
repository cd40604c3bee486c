// Mathematics in text: `.math-text` elements, rendered by KaTeX, never as HTML.
//
// Delimiters: $$..$$, \[..\], \(..\), $..$, and bare \boxed{..} and \begin..\end, as models write
// them. A single $ opens only before a non-space and closes only after one and not before a digit
// (pandoc's rule), so that "$5 and $10" stays money. What KaTeX refuses, what is too long or nests
// too deep stays as its source: text is always shown, and rendering is bounded.

const OPTIONS = {
  throwOnError: true, trust: false, strict: "ignore", maxExpand: 200, maxSize: 20, output: "htmlAndMathml",
};
const LONGEST = 4000; // characters of one formula
const DEEPEST = 60; // nested braces
const MOST = 400; // formulas in one text: the rest stays as source
const BUDGET_MS = 400; // and what this time does not suffice for
const START = /\$\$|\$|\\\(|\\\[|\\begin\{[a-zA-Z]+\*?\}|\\boxed\s*\{|\\\$/g;
const raw = new WeakMap();
const NEARLY = 4; // pixels that need no scrolling
const sizes = new ResizeObserver((seen) => seen.forEach(({ target }) => reach(target.closest(".math"))));

/** Cut text into [{text}] and [{math, display, source}] pieces. */
export function split(text) {
  const pieces = [];
  let from = 0;
  START.lastIndex = 0;
  for (let found; (found = START.exec(text)); ) {
    const piece = formula(text, found.index, found[0]);
    if (!piece) {
      START.lastIndex = found.index + found[0].length;
      continue;
    }
    if (piece.math === undefined) { // an escaped dollar
      pieces.push({ text: text.slice(from, found.index) + "$" });
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
    const close = "\\end" + opened.slice(6);
    const end = text.indexOf(close, inside);
    return end < 0 ? null : { math: text.slice(at, end + close.length), display: true, end: end + close.length };
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
    sizes.observe(span);
    if (span.firstElementChild) sizes.observe(span.firstElementChild); // fonts arrive after the layout
  }
  return span;
}

/** A formula wider than its place scrolls: then, and only then, it can be reached by keyboard. */
function reach(span) {
  const scrolls = span.scrollWidth > span.clientWidth + NEARLY && getComputedStyle(span).display !== "inline";
  if (scrolls === span.hasAttribute("tabindex")) return;
  const named = { tabindex: "0", role: "group", "aria-label": "Wide formula" };
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

function fill(element, text, asSource) {
  if (asSource || !window.katex) return element.replaceChildren(text);
  const end = performance.now() + BUDGET_MS;
  let left = MOST;
  const nodes = split(text).map((piece) => {
    if (piece.math === undefined) return piece.text;
    return left-- > 0 && performance.now() < end ? drawn(piece) : piece.source;
  });
  return element.replaceChildren(...nodes);
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

/** Render every `.math-text` under `root` that was written by the server; answers are `.bare`. */
export function render(root) {
  for (const element of root.querySelectorAll(".math-text"))
    if (!raw.has(element)) put(element, element.matches(".bare") ? asMath(element.textContent) : element.textContent);
}

render(document);
document.addEventListener("htmx:afterSettle", (event) => render(event.target));
