// Renews the state, the issuers and the decisions on the page.

import { colourRows, drawCharts } from "./chart.js";
import { byId, isInUse, load } from "./dom.js";

const DECISIONS_EVERY = 2_500;
const STATE_EVERY = 5_000;

/** Starts renewing; a hidden page is not renewed. */
export function startLive() {
  byId("charts").hidden = false;
  show();
  new ResizeObserver(show).observe(byId("charts"));
  every(DECISIONS_EVERY, renewDecisions);
  every(STATE_EVERY, renewState);
}

function every(span, act) {
  const again = async () => {
    if (!document.hidden) await act().then(answers, silent);
    setTimeout(again, span);
  };
  setTimeout(again, span);
}

function show() {
  colourRows();
  drawCharts();
}

async function renewDecisions() {
  const counts = (await load("/console/decisions")).getElementById("counts");
  if (!counts) throw new Error("another page");
  const own = byId("counts");
  own.dataset.seconds = counts.dataset.seconds;
  // The charts read the rows. Rows with a selection in them are not replaced.
  if (!isInUse(own)) own.replaceChildren(...counts.childNodes);
  show();
}

async function renewState() {
  const page = await load("/console/live");
  for (const id of ["state", "issuers"]) {
    const [own, renewed] = [byId(id), page.getElementById(id)];
    if (!renewed) throw new Error("another page");
    if (isInUse(own)) continue;
    for (const open of own.querySelectorAll("details[open]")) {
      page.getElementById(open.id)?.setAttribute("open", "");
    }
    const scrolled = own.querySelector(".issuers")?.scrollTop ?? 0;
    own.replaceChildren(...renewed.childNodes);
    own.querySelector(".issuers")?.scrollTo(0, scrolled);
  }
}

let since = new Date();

function answers() {
  since = new Date();
  byId("link").hidden = true;
}

function silent() {
  const link = byId("link");
  if (!link.hidden) return;
  link.textContent = `The service does not answer. This page shows its state at ${since.toISOString().slice(11, 19)}Z.`;
  link.hidden = false;
}
