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

function every(interval, renew) {
  const run = async () => {
    if (!document.hidden) await renew().then(showConnected, showDisconnected);
    setTimeout(run, interval);
  };
  setTimeout(run, interval);
}

async function renewDecisions() {
  const counts = (await load("/console/decisions")).getElementById("counts");
  if (!counts) throw new Error("another page");
  const current = byId("counts");
  current.dataset.seconds = counts.dataset.seconds;
  // The charts read the rows. Rows with a selection in them are not replaced.
  if (!isInUse(current)) current.replaceChildren(...counts.childNodes);
  drawCharts();
}

async function renewState() {
  const page = await load("/console/live");
  for (const id of ["state", "issuers"]) {
    const [current, renewed] = [byId(id), page.getElementById(id)];
    if (!renewed) throw new Error("another page");
    if (isInUse(current)) continue;
    for (const open of current.querySelectorAll("details[open]")) {
      page.getElementById(open.id)?.setAttribute("open", "");
    }
    const scrolled = current.querySelector(".issuers")?.scrollTop ?? 0;
    current.replaceChildren(...renewed.childNodes);
    current.querySelector(".issuers")?.scrollTo(0, scrolled);
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
    showConnected();
  } catch {
    showDisconnected();
  } finally {
    button.disabled = false;
    button.textContent = "Refresh keys";
  }
}

/** When the service answered last. */
let answeredAt = new Date();

function showConnected() {
  answeredAt = new Date();
  byId("link").hidden = true;
}

function showDisconnected() {
  const link = byId("link");
  if (!link.hidden) return;
  link.textContent = `The service does not answer. This page shows its state at ${answeredAt.toISOString().slice(11, 19)}Z.`;
  link.hidden = false;
  // A green lamp would say that the service is ready, which is not known any more.
  const lamp = byId("state").querySelector(".lamp");
  lamp.className = "lamp bad";
  lamp.textContent = "No answer";
}
