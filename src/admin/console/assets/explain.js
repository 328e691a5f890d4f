// Asks why in place. The token goes into the body of one request and out of the page, and is written down nowhere.

import { byId, load, make } from "./dom.js";

/** Takes over from the browser what happens to the form. */
export function startExplain() {
  const form = byId("explain-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const fields = new URLSearchParams(new FormData(form));
    forget(form.elements);
    button.disabled = true;
    try {
      const answer = (await load(form.getAttribute("action"), fields)).getElementById("explanation");
      if (!answer) throw new Error("another page");
      show(...answer.childNodes);
    } catch {
      show(make("p", { class: "trouble", role: "alert" }, "The service does not answer; nothing was explained."));
    } finally {
      button.disabled = false;
    }
  });
}

/** What could be a secret, as the service leaves it out of the form that it sends. */
function forget({ token, headers, path }) {
  token.value = "";
  headers.value = "";
  path.value = path.value.split(/[?#]/, 1)[0];
}

function show(...nodes) {
  const place = byId("explanation");
  place.replaceChildren(...nodes);
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: "nearest" });
}
