// PURE: rewrites LaTeX that KaTeX does not know into what it draws. Used for a formula that it refused.

const BRACES = "\\{((?:[^{}]|\\{(?:[^{}]|\\{[^{}]*\\})*\\})*)\\}"; // two levels of braces within

const REWRITES = [
  [/\\renewcommand\s*\{?\\arraystretch\}?\s*\{[^{}]*\}/g, ""],
  [/(?<!\\)%/g, "\\%"],
  [/\\cline\s*\{[^{}]*\}/g, "\\hline"],
  [/\\begin\{eqnarray(\*?)\}/g, "\\begin{array}{rcl}"],
  [/\\end\{eqnarray(\*?)\}/g, "\\end{array}"],
  [
    /\\root\s*(?:\{([^{}]*)\}|(\S))\s*(?:\\of\s*)?(?:\{([^{}]*)\}|(\w))/g,
    (_, a, b, c, d) => `\\sqrt[${a ?? b}]{${c ?? d}}`,
  ],
  [new RegExp(`\\\\cancelto\\s*${BRACES}\\s*${BRACES}`, "g"), "{\\cancel{$2}}^{$1}"],
  [
    new RegExp(`\\\\multicolumn\\s*\\{(\\d+)\\}\\s*\\{[^{}]*\\}\\s*${BRACES}`, "g"),
    (_, count, cell) => `${cell}${"&".repeat(Math.max(0, Math.min(Number(count), 50) - 1))}`,
  ],
];
const TABULAR = /\\begin\{tabular\}(?:\[\w\])?\s*\{((?:[^{}]|\{[^{}]*\})*)\}([\s\S]*?)\\end\{tabular\}/g;
const ARRAY = /(\\begin\{array\}\s*)\{((?:[^{}]|\{[^{}]*\})*)\}/g;

export function rewrite(math) {
  const withArrays = math.includes("\\begin{tabular}")
    ? math.replace(TABULAR, (_, columns, body) => tableToArray(columns, body))
    : math.replace(/(?<!\\)\$/g, "\\$"); // "\(5 + 5 = $10\)"
  const rewritten = REWRITES.reduce((text, [pattern, by]) => text.replace(pattern, by), withArrays);
  return rewritten.replace(ARRAY, (_, start, columns) => `${start}{${columns.replace(/@\{[^{}]*\}/g, "")}}`);
}

/** A table of text as an array whose cells are text. */
function tableToArray(columns, body) {
  const rows = body.split("\\\\").map((row) =>
    row
      .split(/(?<!\\)&/)
      .map(textCell)
      .join("&"),
  );
  return `\\begin{array}{${columns}}${rows.join("\\\\")}\\end{array}`;
}

function textCell(cell) {
  const [, rules, text] = /^((?:\s|\\hline|\\cline\s*\{[^{}]*\})*)([\s\S]*?)\s*$/.exec(cell);
  const [, before, spanned, after] =
    /^(\\multicolumn\s*\{\d+\}\s*\{[^{}]*\}\s*\{)([\s\S]*)(\}(?:\s|\\hline)*)$/.exec(text) ?? [];
  if (before) return `${rules}${before}\\text{${spanned}}${after}`;
  const [, content, end] = /^([\s\S]*?)((?:\s*\\hline)*)$/.exec(text);
  return `${rules}\\text{${content}}${end}`;
}
