// Draws every [data-curves] from the JSON at its address: lines with intervals. Each line has a
// color, a dash and a marker of its own and says its name at its end, so no line is known by
// color alone. The legend switches lines on and off and shows the values under the cursor;
// with the figure focused, the arrow keys move the cursor. The table below holds the same.

import { themeColor } from "./theme-color.js";

const HEIGHT = 320;
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [12, 5], [1, 4], [6, 2, 1, 2]];
const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "circle", "square", "triangle"];
const NARROW = 560;

const faint = (rgb) => rgb.replace(/^rgb\((.*)\)$/, "rgba($1, 0.13)");
const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(1)} %`);

function shape(ctx, kind, x, y, r) {
  ctx.beginPath();
  if (kind === "circle") ctx.arc(x, y, r, 0, 7);
  else if (kind === "square") ctx.rect(x - r, y - r, 2 * r, 2 * r);
  else if (kind === "triangle") {
    ctx.moveTo(x, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.lineTo(x - r, y + r);
    ctx.closePath();
  } else if (kind === "diamond") {
    ctx.moveTo(x, y - r);
    ctx.lineTo(x + r, y);
    ctx.lineTo(x, y + r);
    ctx.lineTo(x - r, y);
    ctx.closePath();
  } else {
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
  }
  if (kind === "cross") ctx.stroke();
  else ctx.fill();
}

/** Markers on the lines (at most some ten each) and, where there is room, names at their ends. */
function marks(plot, drawn, roomy) {
  const { ctx } = plot,
    dpr = devicePixelRatio || 1;
  const ends = [];
  ctx.save();
  ctx.font = `${12 * dpr}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.setLineDash([]);
  for (const { at, style, label } of drawn) {
    if (!plot.series[at].show) continue;
    const values = plot.data[at],
      every = Math.max(1, Math.ceil(values.length / 10));
    ctx.fillStyle = ctx.strokeStyle = style.stroke;
    ctx.lineWidth = 2 * dpr;
    let last = null;
    values.forEach((value, place) => {
      if (value == null) return;
      const x = plot.valToPos(plot.data[0][place], "x", true),
        y = plot.valToPos(value, "y", true);
      if (place % every === 0 || place === values.length - 1 || values.length < 14)
        shape(ctx, style.shape, x, y, 3.6 * dpr);
      last = { x, y };
    });
    if (last) ends.push({ ...last, label, stroke: style.stroke });
  }
  if (roomy) names(ctx, ends, dpr);
  ctx.restore();
}

function names(ctx, ends, dpr) {
  ends.sort((a, b) => a.y - b.y);
  let free = -Infinity;
  for (const end of ends) {
    const y = Math.max(end.y, free);
    ctx.fillStyle = end.stroke;
    ctx.fillText(end.label.length > 27 ? `${end.label.slice(0, 26)}…` : end.label, end.x + 9 * dpr, y);
    free = y + 15 * dpr;
  }
}

/** Ticks of a logarithmic axis at powers of two, of a named one at its names. */
function xAxis(axis, data, roomy) {
  if (data.x.names.length) {
    return {
      ...axis,
      splits: () => data.x.values,
      values: () =>
        data.x.names.map((name) =>
          roomy || data.x.names.length < 4 ? name : name.replace(/ \(\d+\)$/, "").slice(0, 14),
        ),
    };
  }
  if (!data.x.log)
    return { ...axis, incrs: Number.isInteger(data.x.values[0]) ? [1, 2, 5, 10, 20, 50] : undefined };
  const most = Math.log2(data.x.values.at(-1));
  const powers = [...Array(Math.floor(most) + 1).keys()].filter(
    (power) => most < 9 || roomy || power % 2 === 0,
  );
  return { ...axis, splits: () => powers, values: () => powers.map((power) => String(2 ** power)) };
}

/** Where all values are one, a little room about it; else as uPlot does it. */
function around(_, low, high) {
  if (low == null) return [0, 1];
  return low === high ? [low - 0.1, high + 0.02] : window.uPlot.rangeNum(low, high, 0.1, true);
}

function build(place, data) {
  const roomy = place.clientWidth > NARROW;
  const axis = {
    stroke: themeColor(place, "ink"),
    grid: { stroke: themeColor(place, "grid"), width: 1 },
    ticks: { show: false },
  };
  const columns = [data.x.log ? data.x.values.map(Math.log2) : data.x.values];
  const series = [{}],
    bands = [],
    drawn = [];
  data.series.forEach((line, index) => {
    const stroke = themeColor(place, `line-${index % 8}`);
    const style = { stroke, dash: DASHES[index % 8], shape: SHAPES[index % 8] };
    const at = series.length;
    const named = data.x.names.length > 0;
    series.push({
      stroke: named ? "transparent" : stroke,
      width: 2,
      dash: style.dash,
      show: line.shown,
      spanGaps: true,
      points: { show: false },
    });
    columns.push(line.values);
    const parts = [at];
    if (line.low && (line.band || named)) {
      parts.push(at + 1, at + 2);
      const edge = { width: 0, stroke: "transparent", show: line.shown, points: { show: false } };
      series.push({ ...edge }, { ...edge });
      columns.push(line.high, line.low);
      if (!named) bands.push({ series: [at + 1, at + 2], fill: faint(stroke) });
    }
    drawn.push({
      at,
      parts,
      style,
      label: line.label,
      low: line.low,
      high: line.high,
      values: line.values,
      whiskers: named && line.low,
    });
  });
  if (data.diagonal) {
    series.push({
      stroke: themeColor(place, "ink"),
      width: 1,
      dash: [3, 4],
      spanGaps: true,
      points: { show: false },
    });
    columns.push(columns[0]);
  }
  const size = { width: place.clientWidth, height: HEIGHT };
  const x = { time: false };
  if (data.x.names.length) x.range = () => [-0.5, data.x.values.length - 0.5];
  else if (data.x.values.length === 1) x.range = () => [columns[0][0] - 0.5, columns[0][0] + 0.5];
  const plot = new window.uPlot(
    {
      ...size,
      padding: [14, roomy && !data.x.names.length ? 175 : 14, 0, 0],
      legend: { show: false },
      scales: { x, y: { range: around } },
      cursor: {
        drag: { x: false, y: false },
        points: { show: (_u, i) => drawn.some((line) => line.at === i) && undefined },
      },
      axes: [
        { ...xAxis(axis, data, roomy), label: data.x.label, labelSize: 22, size: 34 },
        { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => `${+(100 * tick).toFixed(1)} %`) },
      ],
      series,
      bands,
      hooks: {
        draw: [
          (u) => {
            whiskers(u, drawn);
            marks(u, drawn, roomy && !data.x.names.length);
          },
        ],
        setCursor: [(u) => under(place, data, drawn, u.cursor.idx)],
      },
    },
    columns,
    place.querySelector(".canvas"),
  );
  return { plot, drawn };
}

function whiskers(plot, drawn) {
  const { ctx } = plot,
    dpr = devicePixelRatio || 1;
  ctx.save();
  ctx.setLineDash([]);
  for (const line of drawn) {
    if (!line.whiskers || !plot.series[line.at].show) continue;
    ctx.strokeStyle = line.style.stroke;
    ctx.lineWidth = 1.5 * dpr;
    line.low.forEach((low, index) => {
      const x = plot.valToPos(plot.data[0][index], "x", true);
      ctx.beginPath();
      ctx.moveTo(x, plot.valToPos(low, "y", true));
      ctx.lineTo(x, plot.valToPos(line.high[index], "y", true));
      ctx.stroke();
    });
  }
  ctx.restore();
}

/** Writes the values at `index` (the last where there is none) into the legend. */
function under(place, data, drawn, index) {
  const at = index ?? data.x.values.length - 1;
  const x = data.x.names[at] ?? data.x.values[at];
  place.querySelector(".at").textContent =
    `${data.x.label} = ${typeof x === "number" && !Number.isInteger(x) ? x.toFixed(2) : x}`;
  place.querySelectorAll("output").forEach((output, number) => {
    const { values, low, high } = drawn[number];
    output.textContent =
      percent(values[at]) + (low ? ` (${(100 * low[at]).toFixed(1)} to ${(100 * high[at]).toFixed(1)})` : "");
  });
}

function sample(style) {
  const box = document.createElement("canvas"),
    dpr = devicePixelRatio || 1;
  box.width = 34 * dpr;
  box.height = 12 * dpr;
  const ctx = box.getContext("2d");
  ctx.scale(dpr, dpr);
  ctx.strokeStyle = ctx.fillStyle = style.stroke;
  ctx.lineWidth = 2;
  ctx.setLineDash(style.dash);
  ctx.beginPath();
  ctx.moveTo(0, 6);
  ctx.lineTo(34, 6);
  ctx.stroke();
  ctx.setLineDash([]);
  shape(ctx, style.shape, 17, 6, 3.6);
  return box;
}

function legend(place, data, plot, drawn) {
  const list = document.createElement("ul");
  list.className = "legend";
  const at = document.createElement("li");
  at.className = "at";
  list.append(at);
  drawn.forEach((line, index) => {
    const item = document.createElement("li"),
      label = document.createElement("label"),
      box = document.createElement("input");
    box.type = "checkbox";
    box.checked = data.series[index].shown;
    box.addEventListener("change", () => {
      data.series[index].shown = box.checked;
      for (const part of line.parts) plot.setSeries(part, { show: box.checked });
    });
    label.append(box, sample(line.style), ` ${line.label} `, document.createElement("output"));
    item.append(label);
    list.append(item);
  });
  place.append(list);
}

function keys(event, plot, data) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || event.target !== event.currentTarget) return;
  event.preventDefault();
  const now = plot.cursor.idx ?? (step > 0 ? -1 : data.x.values.length);
  const next = Math.min(Math.max(now + step, 0), data.x.values.length - 1);
  plot.setCursor({ left: plot.valToPos(plot.data[0][next], "x"), top: 10 });
}

async function start(place) {
  const answer = await fetch(place.dataset.curves, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const data = await answer.json();
  let figure = null,
    width = 0;
  function draw() {
    width = place.clientWidth;
    if (figure) figure.plot.destroy();
    place.replaceChildren();
    const canvas = document.createElement("div");
    canvas.className = "canvas";
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "group");
    canvas.setAttribute("aria-label", `${data.title}: the arrow keys read the values into the legend`);
    place.append(canvas);
    figure = build(place, data);
    legend(place, data, figure.plot, figure.drawn);
    canvas.addEventListener("keydown", (event) => keys(event, figure.plot, data));
    under(place, data, figure.drawn, null);
  }
  draw();
  new ResizeObserver(() => place.clientWidth !== width && draw()).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

for (const place of document.querySelectorAll("[data-curves]")) start(place).catch(() => {}); // offline: the table is there
