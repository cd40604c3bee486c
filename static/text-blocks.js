// PURE: cuts text into code between ``` fences, Markdown tables, and the rest, as models write them.
// Nothing else of Markdown is read: a labeler judges what was written.

const FENCE = /^ {0,3}(`{3,}|~{3,}(?!~))[^`]*$/;
const RULE = /^\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?$/; // of a trimmed line: in time that grows with its length
const MOST_CELLS = 2000; // of one table: a larger one stays text

/** [{text}, {code}, {rows: [[cell]]}], in order. */
export function blocks(text) {
  if (!text.includes("```") && !text.includes("~~~") && !text.includes("|")) return [{ text }];
  const lines = text.split("\n");
  const parts = [];
  let plain = [];
  const rest = () => {
    const text = plain.join("\n");
    if (text.trim()) parts.push({ text: text.replace(/^\s*\n/, "").trimEnd() });
    plain = [];
  };
  for (let at = 0; at < lines.length; ) {
    const [block, next] = fenced(lines, at) ?? tabled(lines, at) ?? [null, at + 1];
    if (!block) plain.push(lines[at]);
    else {
      rest();
      parts.push(block);
    }
    at = next;
  }
  if (!parts.length) return [{ text }];
  rest();
  return parts;
}

/** A fence that is never closed reaches to the end: a step may hold the first half of a listing. */
function fenced(lines, at) {
  const open = FENCE.exec(lines[at]);
  if (!open || at + 1 === lines.length) return null;
  const close = lines.findIndex(
    (line, i) => i > at && line.trim().startsWith(open[1]) && !line.trim().replaceAll(open[1][0], ""),
  );
  const end = close < 0 ? lines.length : close;
  return [{ code: lines.slice(at + 1, end).join("\n") }, end + 1];
}

function tabled(lines, at) {
  if (!lines[at].includes("|") || !RULE.test((lines[at + 1] ?? "").trim())) return null;
  const head = cells(lines[at]);
  if (head.length !== cells(lines[at + 1]).length) return null;
  const rows = [head];
  let end = at + 2;
  for (; end < lines.length && lines[end].includes("|"); end++) {
    const row = cells(lines[end]).slice(0, head.length);
    rows.push([...row, ...Array(head.length - row.length).fill("")]);
  }
  return rows.length * head.length > MOST_CELLS ? null : [{ rows }, end];
}

/** Cells of a line; a bar inside $..$ is mathematics. */
function cells(line) {
  const parts = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "")
    .split(/(?<!\\)\|/);
  const joined = [];
  let open = false;
  for (const part of parts) {
    if (open) joined.push(`${joined.pop()}|${part}`);
    else joined.push(part);
    if ((part.match(/(?<!\\)\$/g) ?? []).length % 2) open = !open;
  }
  return joined.map((cell) => cell.trim().replaceAll("\\|", "|"));
}
