// PURE: finds the formulas in text, as models write them: $$..$$, \[..\], \(..\), $..$, and bare \boxed{..} and
// \begin..\end. Dollars are money more often than mathematics in some data sets, so text between them must read
// as mathematics; in doubt the source is shown.

export const LONGEST_FORMULA = 4000; // characters
const START = /\$\$|\$|\\\(|\\\[|\\begin\{[a-zA-Z]+\*?\}|\\boxed\s*\{|\\\$/g;

const LONGEST_ANSWER = 300; // characters
const BARE_ANSWER = /((?:^|\n)# Answer\s+|\banswer is:?\s+)([^\s$][^\n$]*?)(\.?\s*)$/i;

/** Whether an answer is LaTeX without delimiters. */
export function isBareMath(answer) {
  return /[\\^_{]/.test(answer) && !/[$]|\\[([]/.test(answer);
}

/** Cut text into [{text}] and [{math, display, source}] pieces. A final answer may be bare LaTeX. */
export function split(text) {
  const [, , answer, end] = BARE_ANSWER.exec(text.slice(-LONGEST_ANSWER)) ?? [];
  if (!answer || !isBareMath(answer) || /[a-z]{2,} [a-z]{2,}/i.test(answer)) return splitMarked(text);
  const before = splitMarked(text.slice(0, text.length - answer.length - end.length));
  const pieces = [...before, { math: answer, display: false, source: answer }, { text: end }];
  return pieces.filter((piece) => piece.text !== "");
}

function splitMarked(text) {
  const pieces = [];
  let from = 0;
  START.lastIndex = 0;
  for (let match = START.exec(text); match; match = START.exec(text)) {
    const piece = formula(text, match.index, match[0]);
    if (!piece) {
      START.lastIndex = match.index + match[0].length;
      continue;
    }
    if (piece.math === undefined)
      pieces.push({ text: `${text.slice(from, match.index)}$` }); // escaped
    else {
      if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
      pieces.push({ ...piece, source: text.slice(match.index, piece.end) });
    }
    from = START.lastIndex = piece.end;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

function formula(text, at, opened) {
  const inside = at + opened.length;
  if (opened === "\\$") return { end: inside };
  if (opened === "$$") return displayDollars(text, inside);
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

function displayDollars(text, from) {
  const piece = until(text, from, "$$", true);
  return piece && !isProse(piece.math.trim()) ? piece : null;
}

/** A formula between single dollars. It opens before a non-space and closes after one and not before a digit
 *  (pandoc's rule), and it reads as mathematics. */
function dollars(text, from) {
  const limit = Math.min(text.length, from + LONGEST_FORMULA);
  for (let at = from; at < limit; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "$") {
      const math = text.slice(from, at);
      if (/\d/.test(text[at + 1] ?? "") || !isFormula(math, text[from - 2])) return null;
      return { math, display: false, end: at + 1 };
    } else if (text.startsWith("\n\n", at)) return null;
  }
  return null;
}

/** Whether what stands between dollars reads as mathematics and not as text between two amounts of money.
 *  `before` is the character before the first dollar. In doubt it does not, and the source is shown. */
function isFormula(math, before = "") {
  if (!math || isProse(math) || /<<.*>>|\\[([]/s.test(math)) return false; // << >> are calculator marks
  if (/[\\^_]/.test(math)) return true;
  const isAmount = /^\s*[-+]?\.?\d/.test(math);
  const isTight = /^\S.*(?<=\S)$/s.test(math);
  if (!isTight && (isAmount || !/^ \S.* $/.test(math) || /^\s*\w{3,}\s*$/.test(math))) return false;
  if (isAmount && /[-+*/=<>(]$/.test(math)) return false; // another amount follows: "$5-$3=$2"
  return !/[\d.]/.test(before); // "350$" is an amount; a formula does not follow a number
}

const TEXT_COMMAND = /\\(?:text\w*|mbox|hbox|emph|math\w+|operatorname\*?|begin|end|label|tag)\s*\{[^{}]*\}/g;
const COMMAND = /\\[a-zA-Z]+/g;

/** Two plain words in a row outside \text, or an amount and a word. */
function isProse(math) {
  const plain = math.replace(TEXT_COMMAND, "#").replace(COMMAND, "#");
  return /[a-zA-Z]{2,}\s+[a-zA-Z]{2,}/.test(plain) || /^-?\d[\d,.]*\s+[a-zA-Z]{2,}/.test(plain);
}

function closing(text, from) {
  for (let at = from, depth = 1; at < Math.min(text.length, from + LONGEST_FORMULA); at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  return -1;
}
