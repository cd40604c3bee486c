// Draws every [data-plot] from the JSON at its address: {step, loss, validation_loss}.
// A [data-live] one is fetched again while its page is open.

import { themeColor } from "./theme-color.js";

const AGAIN = 3000;

function make(place, data) {
  const axis = {
    stroke: themeColor(place, "ink"),
    grid: { stroke: themeColor(place, "grid"), width: 1 },
    ticks: { show: false },
  };
  const number = (_, value) => (value == null ? "–" : value.toFixed(3));
  return new window.uPlot(
    {
      width: place.clientWidth,
      height: 240,
      scales: { x: { time: false } },
      axes: [axis, axis],
      series: [
        { label: "Step" },
        {
          label: "Learned from",
          stroke: themeColor(place, "train"),
          width: 2,
          points: { show: data[0].length < 3 },
          value: number,
        },
        {
          label: "Held out",
          stroke: themeColor(place, "held"),
          width: 2,
          spanGaps: true,
          points: { show: true, size: 6 },
          value: number,
        },
      ],
    },
    data,
    place,
  );
}

function watch(place) {
  let plot = null;
  async function draw() {
    const answer = await fetch(place.dataset.plot, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { step, loss, validation_loss } = await answer.json();
    const data = [step, loss, validation_loss];
    if (plot) plot.setData(data);
    else if (step.length) plot = make(place, data);
  }
  const again = () => draw().catch(() => {}); // offline: the next look may work
  again();
  if ("live" in place.dataset) setInterval(again, AGAIN);
  new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: 240 })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (plot) plot.destroy();
    plot = null;
    again();
  });
}

for (const place of document.querySelectorAll("[data-plot]")) watch(place);
