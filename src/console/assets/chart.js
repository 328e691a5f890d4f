// Draws decisions per second: one chart of allowed requests and one of denied requests, because few denials would
// not be visible beside many allowed requests. What rules on trial allow (shadow) is in the first chart. The rows of the table are the legend.

import { byId, draw } from "./dom.js";

const SPAN = 300;
const HEIGHT = 190;
const MARGIN = { top: 10, right: 8, bottom: 20, left: 44 };

/** Draws both charts. */
export function drawCharts() {
  const counts = byId("counts");
  const seconds = numbers(counts.dataset.seconds);
  const rowsOf = { allow: '[data-decision="allow"], [data-decision="shadow"]', deny: '[data-decision="deny"]' };
  for (const [decision, selector] of Object.entries(rowsOf)) {
    const rows = counts.querySelectorAll(`tbody tr:is(${selector})`);
    const lines = [...rows].map((row) => ({
      reason: row.dataset.reason,
      colour: row.querySelector(".swatch").className.replace("swatch", "area"),
      rates: numbers(row.dataset.steps).map((count, step) => count / (seconds[step] || 1)),
    }));
    drawChart(byId(`chart-${decision}`), lines, seconds);
  }
}

const numbers = (text) => (text ? text.split(" ").map(Number) : []);

function drawChart(svg, lines, seconds) {
  const width = Math.max(svg.parentElement.clientWidth, 200);
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const right = width - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const sums = seconds.map((_, step) => lines.reduce((sum, line) => sum + (line.rates[step] ?? 0), 0));
  const top = ceiling(Math.max(...sums, 0));
  const xOf = (age) => right - (age / SPAN) * (right - MARGIN.left);
  const yOf = (rate) => bottom - (rate / top) * (bottom - MARGIN.top);
  const parts = [...grid(top, yOf, right), ...timeLabels(xOf, bottom)];
  const edges = edgesOf(seconds).map(xOf);
  let below = seconds.map(() => 0);
  for (const line of lines) {
    const above = below.map((rate, step) => rate + (line.rates[step] ?? 0));
    const name = draw("title", {}, `${line.reason}: ${(line.rates.at(-1) ?? 0).toFixed(1)} per second now`);
    parts.push(draw("path", { class: line.colour, d: area(edges, below, above, yOf) }, name));
    below = above;
  }
  svg.replaceChildren(...parts);
}

/** The ages at which intervals begin, and the end of the last one. */
function edgesOf(seconds) {
  const edges = [0];
  for (const length of [...seconds].reverse()) edges.unshift(Math.min(edges[0] + length, SPAN));
  return edges;
}

/** The area between two step lines. */
function area(edges, below, above, yOf) {
  if (above.length === 0) return "";
  const forward = above.map((rate, step) => `L${at(edges[step])} ${at(yOf(rate))}H${at(edges[step + 1])}`);
  const backward = below.map((rate, step) => `L${at(edges[step + 1])} ${at(yOf(rate))}H${at(edges[step])}`);
  return `M${forward.join("").slice(1)}${backward.reverse().join("")}Z`;
}

const at = (coordinate) => coordinate.toFixed(1);

/** The next round number above: 1, 2 or 5, and zeros. */
function ceiling(rate) {
  if (rate <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(rate));
  return [1, 2, 5, 10].map((times) => times * power).find((round) => round >= rate);
}

function grid(top, yOf, right) {
  return [0, top / 2, top].flatMap((rate) => [
    draw("line", { class: "grid", x1: MARGIN.left, x2: right, y1: at(yOf(rate)), y2: at(yOf(rate)) }),
    draw("text", { class: "tick", x: MARGIN.left - 6, y: at(yOf(rate) + 4), "text-anchor": "end" }, short(rate)),
  ]);
}

function timeLabels(xOf, bottom) {
  return [300, 240, 180, 120, 60, 0].map((age) =>
    draw(
      "text",
      {
        class: age % 120 === 60 ? "tick between" : "tick",
        x: at(xOf(age)),
        y: bottom + 15,
        "text-anchor": age === 0 ? "end" : age === SPAN ? "start" : "middle",
      },
      age === 0 ? "now" : `${age / 60} min`,
    ),
  );
}

const short = (rate) => (rate >= 1000 ? `${rate / 1000}k` : String(rate));
