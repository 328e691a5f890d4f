// Follows decisions as they are made. What is shown is bounded, whatever comes.

import { byId, load, make, printable } from "./dom.js";
import { shareWithTabs, tell } from "./tabs.js";

const MOST_ROWS = 300;
const BETWEEN_DRAWINGS = 200;
const BETWEEN_ATTEMPTS = 10_000;

/** Trouble of ours or of the issuer's; every other refusal is the caller's. */
const OURS = new Set(["keys_unavailable", "key_pending", "overloaded", "internal_error"]);

const decisions = new WeakMap();
let source;
let waiting = [];
let drawing;
let again;
let isPaused = false;
let hasGivenUp = false;
let opened;

/** Begins to follow. */
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
  byId("pause").addEventListener("click", pause);
  byId("clear").addEventListener("click", clear);
  byId("tail-table").tBodies[0].addEventListener("click", open);
  for (const row of byId("tail-table").tBodies[0].rows) mark(row, row.dataset);
  shareWithTabs(giveUp);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !hasGivenUp) return;
    add({ said: "Following again; decisions in between were not seen." });
    follow();
  });
  follow();
}

function giveUp() {
  if (hasGivenUp) return;
  hasGivenUp = true;
  source?.close();
  source = undefined;
  clearTimeout(again);
  tell(false);
  say("Other tabs of this browser follow; this one goes on when it is looked at again");
}

function refollow(delay) {
  clearTimeout(again);
  again = setTimeout(() => {
    clear();
    follow();
  }, delay);
}

function follow() {
  source?.close();
  clearTimeout(again);
  hasGivenUp = false;
  tell(true);
  const fields = new URLSearchParams(new FormData(byId("filters")));
  for (const [name, value] of [...fields]) if (value === "") fields.delete(name);
  source = new EventSource(`/console/tail?${fields}`);
  let wasOpen = false;
  source.onopen = () => {
    if (wasOpen) add({ said: "Following again; decisions in between were not seen." });
    wasOpen = true;
    say(isPaused ? "Paused" : "Following");
  };
  source.onmessage = ({ data }) => add(JSON.parse(data));
  source.addEventListener("lost", ({ data }) =>
    add({ said: `${JSON.parse(data).lost} decisions were made faster than they could be shown.` }),
  );
  source.onerror = ({ target }) => {
    // One that was replaced has nothing to say any more.
    if (target !== source) return;
    if (source.readyState !== EventSource.CLOSED) return say("The connection has ended; trying again");
    say("The service takes no further follower: it stops, or 32 follow already. Trying again in 10 seconds");
    again = setTimeout(follow, BETWEEN_ATTEMPTS);
  };
}

function say(text) {
  const state = byId("tail-state");
  if (state.textContent !== text) state.textContent = text;
}

function add(news) {
  waiting.push(news);
  if (waiting.length > MOST_ROWS) waiting.splice(0, waiting.length - MOST_ROWS);
  drawing ??= setTimeout(show, BETWEEN_DRAWINGS);
}

function show() {
  drawing = undefined;
  if (isPaused) {
    byId("pause").textContent = `Resume (${waiting.length === MOST_ROWS ? `${MOST_ROWS}+` : waiting.length})`;
    return;
  }
  const body = byId("tail-table").tBodies[0];
  body.prepend(...waiting.reverse().map(row));
  waiting = [];
  while (body.rows.length > MOST_ROWS) body.lastElementChild.remove();
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
  byId("tail-table").tBodies[0].replaceChildren();
}

function row(news) {
  if (news.said) return make("tr", { role: "row", class: "said" }, cell("all", news.said, { colspan: "8" }));
  const id = news.request_id;
  const made = make(
    "tr",
    { role: "row" },
    cell("time", news.timestamp.slice(11)),
    cell("decision", news.decision),
    cell("reason", make("button", { type: "button" }, news.reason)),
    cell("rule", printable(news.rule)),
    cell("issuer", printable(news.issuer ?? "-")),
    cell("asked", printable(`${news.method ?? ""} ${news.host ?? ""}${news.path ?? ""}`)),
    cell("latency", latency(news.latency_micros)),
    cell("id", id === null ? "-" : link(id)),
  );
  decisions.set(made, news);
  mark(made, news);
  return made;
}

/** What there is none of takes a place where there are columns, and none on a phone. */
const cell = (name, content, more = {}) =>
  make("td", { role: "cell", class: content === "-" ? `${name} none` : name, ...more }, content);

/** Only a refusal is kept; of an admission there is no more to find. */
const link = (id) => make("a", { href: `/console/refusals?request_id=${encodeURIComponent(id)}` }, printable(id));

function mark(row, { decision, reason }) {
  row.classList.add(decision === "allow" ? "allow" : OURS.has(reason) ? "ours" : "deny");
}

function latency(micros) {
  if (micros < 10_000) return `${micros}us`;
  return micros < 10_000_000 ? `${Math.floor(micros / 1_000)}ms` : `${Math.floor(micros / 1_000_000)}s`;
}

/** Shows all that is known of a row's decision. */
async function open(event) {
  const selected = getSelection();
  const made = event.target.closest("tr");
  if (!made || made.classList.contains("said") || (selected && !selected.isCollapsed)) return;
  // A new tab is the browser's own.
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  opened = made;
  const decision = decisions.get(made);
  const kept = made.querySelector("a")?.getAttribute("href");
  byId("details-body").replaceChildren(decision ? facts(decision) : make("p", {}, "…"));
  byId("details").showModal();
  if (!kept || decision?.decision === "allow") return;
  const page = await load(kept).catch(() => null);
  const refusals = page?.getElementById("refusals");
  // By now another row may be looked at.
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
