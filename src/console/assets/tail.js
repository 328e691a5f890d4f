// Follows decisions as they are made. The number of rows is bounded.

import { byId, load, make, printable } from "./dom.js";
import { shareWithTabs, tell } from "./tabs.js";

const MAX_ROWS = 300;
const DRAW_EVERY = 200;
const RETRY_AFTER = 10_000;

/** The reasons of refusals that the service or the issuer caused (503); the client caused all others. */
const UNAVAILABLE = new Set(["keys_unavailable", "key_pending", "overloaded", "internal_error"]);

const decisions = new WeakMap();
let source;
let waiting = [];
let drawing;
let again;
let isPaused = false;
let hasGivenUp = false;
let opened;

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
  document.addEventListener("click", choose);
  byId("pause").addEventListener("click", pause);
  byId("clear").addEventListener("click", clear);
  table().addEventListener("click", open);
  for (const row of table().rows) mark(row, row.dataset);
  shareWithTabs(giveUp);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !hasGivenUp) return;
    add({ notice: "Reconnected. Decisions made in the meantime are not shown." });
    follow();
  });
  follow();
}

const table = () => byId("tail-table").tBodies[0];

/** A click on the name of a reason, an issuer or a rule shows its decisions. */
function choose(event) {
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

function giveUp() {
  if (hasGivenUp) return;
  hasGivenUp = true;
  source?.close();
  source = undefined;
  clearTimeout(again);
  tell(false);
  say("Stopped, because other tabs of this browser follow too. Switch to this tab again to resume");
}

function refollow(delay) {
  clearTimeout(again);
  again = setTimeout(() => {
    clear();
    // A page that is loaded again, or linked, has the same filters.
    history.replaceState(null, "", `/?${filters()}${location.hash}`);
    follow();
    lookBack();
  }, delay);
}

/** Adds the last refusals that the filters admit below those that came in the meantime. */
async function lookBack() {
  const fields = String(filters());
  const page = await load(`/console/latest?${fields}`).catch(() => null);
  const found = page?.getElementById("latest");
  // Other filters may have been chosen in the meantime.
  if (!found || fields !== String(filters())) return;
  show();
  const shown = new Set([...table().rows].map((row) => row.dataset.key));
  for (const row of [...found.rows]) {
    if (shown.has(row.dataset.key) || table().rows.length >= MAX_ROWS) continue;
    mark(row, row.dataset);
    table().append(row);
  }
}

function follow() {
  source?.close();
  clearTimeout(again);
  hasGivenUp = false;
  tell(true);
  source = new EventSource(`/console/tail?${filters()}`);
  let wasOpen = false;
  source.onopen = () => {
    if (wasOpen) add({ notice: "Reconnected. Decisions made in the meantime are not shown." });
    wasOpen = true;
    say(isPaused ? "Paused" : "Following");
  };
  source.onmessage = ({ data }) => add(JSON.parse(data));
  source.addEventListener("lost", ({ data }) =>
    add({ notice: `${JSON.parse(data).lost} decisions are not shown: they were made faster than this page could receive them.` }),
  );
  source.onerror = ({ target }) => {
    // A replaced source reports its end too.
    if (target !== source) return;
    if (source.readyState !== EventSource.CLOSED) return say("Connection lost; reconnecting");
    say("The service accepts no further follower: it is stopping, or its limit of 32 followers is reached. Retrying in 10 seconds");
    again = setTimeout(follow, RETRY_AFTER);
  };
}

function say(text) {
  const state = byId("tail-state");
  if (state.textContent !== text) state.textContent = text;
}

function add(message) {
  waiting.push(message);
  if (waiting.length > MAX_ROWS) waiting.splice(0, waiting.length - MAX_ROWS);
  drawing ??= setTimeout(show, DRAW_EVERY);
}

function show() {
  drawing = undefined;
  if (isPaused) {
    byId("pause").textContent = `Resume (${waiting.length === MAX_ROWS ? `${MAX_ROWS}+` : waiting.length})`;
    return;
  }
  const body = table();
  body.prepend(...waiting.reverse().map(row));
  waiting = [];
  while (body.rows.length > MAX_ROWS) body.lastElementChild.remove();
}

function pause() {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  byId("pause").textContent = isPaused ? "Resume" : "Pause";
  if (!hasGivenUp) say(isPaused ? "Paused" : "Following");
  if (!isPaused) show();
}

function clear() {
  waiting = [];
  table().replaceChildren();
}

function row(message) {
  if (message.notice) return make("tr", { role: "row", class: "notice" }, cell("all", message.notice, { colspan: "8" }));
  const id = message.request_id;
  const [time, asked] = [
    message.timestamp.slice(11),
    printable(`${message.method ?? ""} ${message.host ?? ""}${message.path ?? ""}`),
  ];
  const made = make(
    "tr",
    { role: "row", "data-key": `${time}|${printable(id ?? "")}|${asked}` },
    cell("time", time),
    cell("decision", message.decision),
    cell("reason", make("button", { type: "button" }, message.reason)),
    cell("rule", filter("rule", message.rule, message.decision)),
    cell("issuer", message.issuer === null ? "-" : filter("issuer", message.issuer, message.decision)),
    cell("asked", asked),
    cell("latency", latency(message.latency_micros)),
    cell("id", id === null ? "-" : link(id)),
  );
  decisions.set(made, message);
  mark(made, message);
  return made;
}

/** An empty cell keeps its column, and is hidden on a phone. */
const cell = (name, content, more = {}) =>
  make("td", { role: "cell", class: content === "-" ? `${name} none` : name, ...more }, content);

/** The service keeps refusals only. */
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

function mark(row, { decision, reason }) {
  row.classList.add(decision !== "deny" ? "allow" : UNAVAILABLE.has(reason) ? "unavailable" : "deny");
}

function latency(micros) {
  if (micros < 10_000) return `${micros}us`;
  return micros < 10_000_000 ? `${Math.floor(micros / 1_000)}ms` : `${Math.floor(micros / 1_000_000)}s`;
}

/** Shows the details of a row's decision. */
async function open(event) {
  const selected = getSelection();
  const made = event.target.closest("tr");
  if (!made || made.classList.contains("notice") || (selected && !selected.isCollapsed)) return;
  if (event.target.closest("a.filter")) return;
  // Let the browser open a new tab or window.
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  opened = made;
  const decision = decisions.get(made);
  const kept = made.querySelector(".id a")?.getAttribute("href");
  byId("details-body").replaceChildren(decision ? facts(decision) : make("p", {}, "…"));
  byId("details").showModal();
  if (!kept || decision?.decision !== "deny") return;
  const page = await load(kept).catch(() => null);
  const refusals = page?.getElementById("refusals");
  // Another row may have been opened in the meantime.
  if (refusals && opened === made) byId("details-body").replaceChildren(...refusals.childNodes);
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
