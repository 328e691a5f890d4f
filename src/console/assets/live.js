// Renews the state, the issuers and the decisions on the page.

import { drawCharts } from "./chart.js";
import { byId, isInUse, load } from "./dom.js";

const DECISIONS_EVERY = 2_500;
const STATE_EVERY = 5_000;

/** Starts renewing; a hidden page is not renewed. */
export function startLive() {
  byId("charts").hidden = false;
  drawCharts();
  new ResizeObserver(drawCharts).observe(byId("charts"));
  // The form is replaced with the section around it.
  byId("issuers").addEventListener("submit", refresh);
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

async function renewDecisions() {
  const counts = (await load("/console/decisions")).getElementById("counts");
  if (!counts) throw new Error("another page");
  const own = byId("counts");
  own.dataset.seconds = counts.dataset.seconds;
  // The charts read the rows. Rows with a selection in them are not replaced.
  if (!isInUse(own)) own.replaceChildren(...counts.childNodes);
  drawCharts();
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

/** Lets the service fetch every key set, and shows the result. */
async function refresh(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = "Refreshing…";
  try {
    await load(form.getAttribute("action"), new URLSearchParams());
    // Otherwise the section would be in use, and not be replaced.
    button.blur();
    await renewState();
    answers();
  } catch {
    silent();
  } finally {
    button.disabled = false;
    button.textContent = "Refresh keys";
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
  // What was true then may not be now: a green lamp would say that the service is ready.
  const lamp = byId("state").querySelector(".lamp");
  lamp.className = "lamp bad";
  lamp.textContent = "No answer";
}
