// Looks at the console with Chromium: `console.js CHROMIUM URL WORD [TOKEN]`, where WORD names one of the looks below.
// Prints one line of JSON when everything is as it should be, and fails with a sentence where it is not.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, url, word, token] = process.argv.slice(2);

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--no-proxy-server",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const looks = { withoutScript, live, incident, explain, sizes, tabs, dialog };

/** A page that remembers each error and each request. */
async function open(browser, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong = [];
  const requests = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("requestfailed", (request) => {
    const { errorText } = request.failure();
    // A page that is left gives up what it still waits for, as it does with a stream of events that is replaced.
    if (errorText !== "net::ERR_ABORTED") wrong.push(`${request.url()} ${errorText}`);
  });
  page.on("request", (request) => requests.push(request.url()));
  if (options.javaScriptEnabled !== false) {
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`violated ${event.violatedDirective}`));
    });
  }
  const answer = await page.goto(url);
  assert.equal(answer.status(), 200);
  const check = () => {
    assert.deepEqual(wrong, []);
    for (const address of requests) assert.ok(address.startsWith(url), `a request to ${address}`);
  };
  return { context, page, requests, check };
}

/** Everything that is there without a script, and the form, which the browser sends itself. */
async function withoutScript(browser) {
  const { page, check } = await open(browser, { javaScriptEnabled: false });
  for (const text of ["Ready", "1 of 1", "usable", "RS256", "The latest denials"]) {
    assert.ok(await page.getByText(text).first().isVisible(), `${text} is not shown`);
  }
  assert.ok(await page.locator("#tail-table tbody tr").first().isVisible());
  assert.ok(!(await page.locator("#filters, #charts").first().isVisible()), "what needs a script is shown");
  await page.locator("#tail-table tbody .id a").first().click();
  await page.getByText("accredit does not store tokens").waitFor();
  await page.goto(url);
  await page.fill("#token", token);
  await page.click("#explain-form .main");
  await page.waitForURL(`${url}console/explain`);
  assert.match(await page.locator(".verdict").innerText(), /deny\s+expired/);
  assert.ok(!(await page.content()).includes(token));
  check();
}

/** What changes by itself: the tail with its filters, the chart, the numbers. */
async function live(browser) {
  const { page, check } = await open(browser);
  const rows = page.locator("#tail-table tbody tr");
  const reasons = () => rows.evaluateAll((all) => all.map((row) => row.querySelector(".reason").textContent));
  await page.getByRole("status").getByText("Following", { exact: true }).waitFor();
  // Rows that came over the stream have a button.
  const row = rows.filter({ has: page.getByRole("button", { name: "expired" }) }).first();
  await row.waitFor();
  assert.match(await row.innerText(), /api\.example\/refused/);
  assert.ok(!(await reasons()).includes("allowed"), "refusals alone are followed at first");
  await page.getByRole("combobox", { name: "Decision" }).selectOption("");
  await rows.getByRole("button", { name: "allowed" }).first().waitFor();
  await page.getByRole("combobox", { name: "Reason" }).selectOption("missing_token");
  await page.waitForFunction(() => {
    const found = [...document.querySelectorAll("#tail-table tbody .reason")];
    return found.length > 2 && found.every((cell) => cell.textContent === "missing_token");
  });
  await page.getByRole("combobox", { name: "Reason" }).selectOption("");
  await page.getByLabel("Path begins with").fill("/refu");
  await page.waitForFunction(() => {
    const found = [...document.querySelectorAll("#tail-table tbody .request")];
    return found.length > 2 && found.every((cell) => cell.textContent.includes("/refused"));
  });
  // The rows so far can all be earlier denials, which have no button.
  await rows.getByRole("button", { name: "expired" }).first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: /Resume \(\d/ }).waitFor();
  const before = await rows.count();
  await page.getByRole("button", { name: "expired" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("accredit does not store tokens").waitFor();
  assert.equal(await dialog.locator("tr.failed th").innerText(), "exp");
  assert.equal(await rows.count(), before, "what is paused changes");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /Resume/ }).click();
  await page.waitForFunction((count) => document.querySelectorAll("#tail-table tbody tr").length > count, before);
  for (const [decision, reason] of [["allow", "allowed"], ["deny", "expired"]]) {
    await page.locator(`#counts tr[data-decision="${decision}"][data-reason="${reason}"]`).waitFor();
    await page.waitForFunction((id) => {
      const area = document.querySelector(`#${id} path.area`);
      return area && area.getBBox().height > 5;
    }, `chart-${decision}`);
  }
  const running = await page.locator("#state dl").innerText();
  await page.waitForFunction((text) => document.querySelector("#state dl").innerText !== text, running);
  check();
}

/** What an operator does during an incident: filters by a click, a link to what is filtered, fresh keys, and no green without an answer. */
async function incident(browser) {
  const { page, check } = await open(browser);
  const rows = page.locator("#tail-table tbody tr");
  const all = (column, value) =>
    page.waitForFunction(
      ([column, value]) => {
        const cells = [...document.querySelectorAll(`#tail-table tbody td.${column}`)];
        return cells.length > 2 && cells.every((cell) => cell.textContent === value);
      },
      [column, value],
    );
  const address = () => new URL(page.url()).search;
  await page.locator('#counts a.filter[data-value="missing_token"]').click();
  await all("reason", "missing_token");
  assert.equal(address(), "?decision=deny&reason=missing_token");
  assert.ok((await rows.filter({ hasNot: page.getByRole("button") }).count()) > 0, "earlier refusals are not found");
  await page.reload();
  await all("reason", "missing_token");
  assert.equal(await page.getByRole("combobox", { name: "Reason" }).inputValue(), "missing_token");
  await rows.locator(".rule a.filter").first().click();
  await page.waitForFunction(() => location.search === "?decision=deny&rule=default");
  await all("rule", "default");
  const colours = await page.evaluate(() => {
    const own = (selector) => getComputedStyle(document.querySelector(selector));
    return [own('#counts tr[data-reason="expired"] .swatch').backgroundColor, own("#chart-deny path.colour-time").fill];
  });
  assert.equal(colours[0], colours[1]);
  assert.notEqual(colours[0], "rgb(0, 0, 0)");
  await page.getByRole("button", { name: "Refresh keys" }).click();
  await page.waitForFunction(() => /refresh[0-3]s ago/.test(document.querySelector("#issuers dl").textContent));
  assert.match(await page.locator("#state .lamp").innerText(), /^Ready$/);
  check();
  await page.route("**/console/live", (route) => route.abort());
  await page.route("**/console/decisions", (route) => route.abort());
  await page.locator("#state .lamp.bad").getByText("No answer", { exact: true }).waitFor();
}

/** Submits the form by the keyboard: new rows can move the button away from the place of a click. */
async function submit(page) {
  await page.locator("#explain-form .main").press("Enter");
}

/** A token that was explained is nowhere afterwards. */
async function explain(browser) {
  const { context, page, requests, check } = await open(browser);
  await page.fill("#token", `Bearer ${token}`);
  await page.locator("#explain-form").getByLabel("Path").fill(`/refused?access_token=${token}`);
  await page.getByText("Headers, context extensions, connection").click();
  await page.getByLabel("Headers, one per line").fill(`x-copy: ${token}`);
  await submit(page);
  await page.locator(".verdict").waitFor();
  assert.equal(page.url(), url, "it is answered in place");
  assert.match(await page.locator(".verdict").innerText(), /deny\s+expired/);
  assert.equal(await page.locator("#explanation tr.failed th").innerText(), "exp");
  const kept = await page.evaluate(async () => ({
    markup: document.documentElement.outerHTML,
    fields: [...document.querySelectorAll("input, textarea")].map((field) => field.value),
    stores: [{ ...localStorage }, { ...sessionStorage }, document.cookie, name, history.state],
    databases: await indexedDB.databases(),
    caches: isSecureContext ? await caches.keys() : [],
  }));
  const found = JSON.stringify([kept, requests, await context.storageState({ indexedDB: true })]);
  for (const part of token.split(".")) assert.ok(!found.includes(part), "the token is still there");
  assert.equal(await page.locator("#explain-form").getByLabel("Path").inputValue(), "/refused");
  assert.deepEqual([kept.stores, kept.databases, kept.caches], [[{}, {}, "", "", null], [], []]);
  check();
}

/** A row that was looked at before, and whose steps come late, does not take the place of the one that is looked at. */
async function dialog(browser) {
  const { page, check } = await open(browser);
  const button = (reason) => page.locator("#tail-table").getByRole("button", { name: reason }).first();
  await Promise.all([button("expired").waitFor(), button("missing_token").waitFor()]);
  await page.getByRole("button", { name: "Pause" }).click();
  let release;
  const released = new Promise((resolve) => (release = resolve));
  let waits = () => released;
  await page.route("**/console/refusals?*", async (route) => {
    const before = waits();
    waits = () => undefined;
    await before;
    await route.continue();
  });
  const late = page.waitForRequest("**/console/refusals?*");
  await button("expired").click();
  await late;
  await page.keyboard.press("Escape");
  await button("missing_token").click();
  const verdict = page.getByRole("dialog").locator(".verdict");
  await verdict.getByText("missing_token").waitFor();
  release();
  await (await (await late).response()).finished();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.match(await verdict.innerText(), /missing_token/);
  check();
}

/** More tabs than a browser has connections: each is answered, and the one that followed first goes on later. */
async function tabs(browser) {
  const { context, page: first, check } = await open(browser);
  const follows = (page) => page.getByRole("status").getByText("Following", { exact: true }).waitFor();
  await follows(first);
  for (let more = 0; more < 7; more += 1) {
    const page = await context.newPage();
    await page.goto(url);
    await follows(page);
  }
  await first.getByText("other tabs of this browser follow").waitFor();
  for (const page of context.pages()) {
    const running = await page.locator("#state dl").innerText();
    await page.waitForFunction((text) => document.querySelector("#state dl").innerText !== text, running);
    assert.ok(await page.locator("#link").isHidden(), "the service is said not to answer");
  }
  await first.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await follows(first);
  await first.getByText("Decisions made in the meantime are not shown").first().waitFor();
  check();
}

/** No side is cut off, and text can be read, in either scheme and on a phone. */
async function sizes(browser) {
  const narrowest = {};
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 768, 1440]) {
      const { context, page, check } = await open(browser, { colorScheme, viewport: { width, height: 800 } });
      await page.getByRole("button", { name: "expired" }).first().waitFor();
      await page.fill("#token", token);
      await submit(page);
      await page.locator(".verdict").waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${colorScheme} at ${width} is ${wide} wide`);
      const least = await page.evaluate(leastContrast);
      assert.ok(least.contrast >= 4.5, `${colorScheme} at ${width}: ${JSON.stringify(least)}`);
      narrowest[`${colorScheme} ${width}`] = Number(least.contrast.toFixed(2));
      check();
      await context.close();
    }
  }
  return narrowest;
}

/** The text whose contrast with what is behind it is the least (WCAG 2.2, 1.4.3); runs in the page. */
function leastContrast() {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [red, green, blue] = channels(colour).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let least = { contrast: 21 };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    const [one, other] = [light(colour), light(behind(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < least.contrast) least = { contrast, text: texts.currentNode.textContent, colour };
  }
  return least;
}

const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
try {
  const measured = await looks[word](browser);
  console.log(JSON.stringify({ looked: word, ...measured }));
} finally {
  await browser.close();
}
