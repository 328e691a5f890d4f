// Follows decisions as they are made. The number of rows is bounded.

import { byId, load, make, printable } from "./dom.js";
import { announce, shareWithTabs } from "./tabs.js";

const MAX_ROWS = 300;
const DRAW_EVERY = 200;
const RETRY_AFTER = 10_000;

/** The reasons of denials that the service or the issuer caused (503); the client caused all others. */
const UNAVAILABLE = new Set(["keys_unavailable", "key_pending", "overloaded", "internal_error"]);

const decisions = new WeakMap();
let source;
let newDecisions = [];
let drawing;
let retryTimer;
let isPaused = false;
let isStopped = false;
let openRow;

export function startTail() {
  const filters = byId("filters");
  filters.hidden = false;
  filters.addEventListener("submit", (event) => event.preventDefault());
  for (const event of ["change", "input"]) {
    filters.addEventListener(event, ({ target }) => {
      const isTyped = target.tagName === "INPUT";
      if (isTyped === (event === "input")) refollow(isTyped ? 400 : 0);
    });
  }
  document.addEventListener("click", applyClickedFilter);
  byId("pause").addEventListener("click", pause);
  byId("clear").addEventListener("click", clear);
  table().addEventListener("click", openDetails);
  for (const row of table().rows) setRowClass(row, row.dataset);
  shareWithTabs(stopFollowing);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !isStopped) return;
    add({ notice: "Reconnected. Decisions made in the meantime are not shown." });
    follow();
  });
  follow();
}

const table = () => byId("tail-table").tBodies[0];

/** A click on the name of a reason, an issuer or a rule shows its decisions. */
function applyClickedFilter(event) {
  const chosen = event.target.closest("a.filter");
  if (!chosen || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { filter, value, decision } = chosen.dataset;
  const { elements } = byId("filters");
  for (const name of ["reason", "issuer", "rule", "path"]) elements[name].value = "";
  elements.decision.value = decision;
  if (![...elements[filter].options].some((option) => option.value === value)) elements[filter].append(make("option", {}, value));
  elements[filter].value = value;
  byId("details").close();
  refollow(0);
  byId("tail").scrollIntoView({ block: "start" });
}

/** The fields of the filters, without those that filter nothing. A missing decision means denials, so it is always there. */
function filters() {
  const fields = new URLSearchParams(new FormData(byId("filters")));
  for (const [name, value] of [...fields]) if (value === "" && name !== "decision") fields.delete(name);
  return fields;
}

function stopFollowing() {
  if (isStopped) return;
  isStopped = true;
  source?.close();
  source = undefined;
  clearTimeout(retryTimer);
  announce(false);
  setStatus("Stopped, because other tabs of this browser follow too. Switch to this tab again to resume");
}

function refollow(delay) {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => {
    clear();
    // A page that is loaded again, or linked, has the same filters.
    history.replaceState(null, "", `/?${filters()}${location.hash}`);
    follow();
    addEarlierDenials();
  }, delay);
}

/** Adds the earlier denials that match the filters, below the rows that were added in the meantime. */
async function addEarlierDenials() {
  const fields = String(filters());
  const page = await load(`/console/latest?${fields}`).catch(() => null);
  const latest = page?.getElementById("latest");
  // Other filters may have been chosen in the meantime.
  if (!latest || fields !== String(filters())) return;
  draw();
  const shown = new Set([...table().rows].map((row) => row.dataset.key));
  for (const row of [...latest.rows]) {
    if (shown.has(row.dataset.key) || table().rows.length >= MAX_ROWS) continue;
    setRowClass(row, row.dataset);
    table().append(row);
  }
}

function follow() {
  source?.close();
  clearTimeout(retryTimer);
  isStopped = false;
  announce(true);
  source = new EventSource(`/console/tail?${filters()}`);
  let wasOpen = false;
  source.onopen = () => {
    if (wasOpen) add({ notice: "Reconnected. Decisions made in the meantime are not shown." });
    wasOpen = true;
    setStatus(isPaused ? "Paused" : "Following");
  };
  source.onmessage = ({ data }) => add(JSON.parse(data));
  source.addEventListener("lost", ({ data }) =>
    add({ notice: `${JSON.parse(data).lost} decisions are not shown: they were made faster than this page could receive them.` }),
  );
  source.onerror = ({ target }) => {
    // A replaced source reports its end too.
    if (target !== source) return;
    if (source.readyState !== EventSource.CLOSED) return setStatus("Connection lost; reconnecting");
    setStatus("The service accepts no further follower: it is stopping, or its limit of 32 followers is reached. Retrying in 10 seconds");
    retryTimer = setTimeout(follow, RETRY_AFTER);
  };
}

function setStatus(text) {
  const state = byId("tail-state");
  if (state.textContent !== text) state.textContent = text;
}

function add(message) {
  newDecisions.push(message);
  if (newDecisions.length > MAX_ROWS) newDecisions.splice(0, newDecisions.length - MAX_ROWS);
  drawing ??= setTimeout(draw, DRAW_EVERY);
}

function draw() {
  drawing = undefined;
  if (isPaused) {
    byId("pause").textContent = `Resume (${newDecisions.length === MAX_ROWS ? `${MAX_ROWS}+` : newDecisions.length})`;
    return;
  }
  const body = table();
  body.prepend(...newDecisions.reverse().map(rowOf));
  newDecisions = [];
  while (body.rows.length > MAX_ROWS) body.lastElementChild.remove();
}

function pause() {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  byId("pause").textContent = isPaused ? "Resume" : "Pause";
  if (!isStopped) setStatus(isPaused ? "Paused" : "Following");
  if (!isPaused) draw();
}

function clear() {
  newDecisions = [];
  table().replaceChildren();
}

function rowOf(message) {
  if (message.notice) return make("tr", { role: "row", class: "notice" }, cell("all", message.notice, { colspan: "8" }));
  const id = message.request_id;
  const [time, request] = [
    message.timestamp.slice(11),
    printable(`${message.method ?? ""} ${message.host ?? ""}${message.path ?? ""}`),
  ];
  const row = make(
    "tr",
    { role: "row", "data-key": `${time}|${printable(id ?? "")}|${request}` },
    cell("time", time),
    cell("decision", message.decision),
    cell("reason", make("button", { type: "button" }, message.reason)),
    cell("rule", filter("rule", message.rule, message.decision)),
    cell("issuer", message.issuer === null ? "-" : filter("issuer", message.issuer, message.decision)),
    cell("request", request),
    cell("latency", latency(message.latency_micros)),
    cell("id", id === null ? "-" : link(id)),
  );
  decisions.set(row, message);
  setRowClass(row, message);
  return row;
}

/** An empty cell keeps its column, and is hidden on a phone. */
const cell = (name, content, more = {}) =>
  make("td", { role: "cell", class: content === "-" ? `${name} none` : name, ...more }, content);

/** A link to the details of a denial, which the service keeps. */
const link = (id) => make("a", { href: `/console/refusals?request_id=${encodeURIComponent(id)}` }, printable(id));

/** A link that shows the decisions with that value of a filter. */
const filter = (name, value, decision) =>
  make(
    "a",
    {
      class: "filter",
      href: `/?decision=${decision}&${name}=${encodeURIComponent(value)}#tail`,
      "data-filter": name,
      "data-value": value,
      "data-decision": decision,
    },
    printable(value),
  );

function setRowClass(row, { decision, reason }) {
  row.classList.add(decision !== "deny" ? "allow" : UNAVAILABLE.has(reason) ? "unavailable" : "deny");
}

function latency(micros) {
  if (micros < 10_000) return `${micros}us`;
  return micros < 10_000_000 ? `${Math.floor(micros / 1_000)}ms` : `${Math.floor(micros / 1_000_000)}s`;
}

/** Shows the details of a row's decision. */
async function openDetails(event) {
  const selected = getSelection();
  const row = event.target.closest("tr");
  if (!row || row.classList.contains("notice") || (selected && !selected.isCollapsed)) return;
  if (event.target.closest("a.filter")) return;
  // Let the browser open a new tab or window.
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openRow = row;
  const decision = decisions.get(row);
  const detailsAddress = row.querySelector(".id a")?.getAttribute("href");
  byId("details-body").replaceChildren(decision ? facts(decision) : make("p", {}, "…"));
  byId("details").showModal();
  if (!detailsAddress || decision?.decision !== "deny") return;
  const page = await load(detailsAddress).catch(() => null);
  const denials = page?.getElementById("refusals");
  // Another row may have been opened in the meantime.
  if (denials && openRow === row) byId("details-body").replaceChildren(...denials.childNodes);
}

function facts(decision) {
  const list = make("dl", { class: "facts" });
  const add = (name, value) =>
    list.append(make("div", {}, make("dt", {}, name), make("dd", {}, printable(String(value)))));
  for (const [name, value] of Object.entries(decision)) {
    if (value !== null && typeof value !== "object") add(name, value);
  }
  for (const [name, value] of Object.entries(decision.claims ?? {})) add(`claim ${name}`, value);
  return list;
}
