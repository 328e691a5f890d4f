// Explains a token without leaving the page. The token is sent in a request body, removed from the page, and not stored.

import { byId, load, make } from "./dom.js";

export function startExplain() {
  const form = byId("explain-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const fields = new URLSearchParams(new FormData(form));
    clearSecrets(form.elements);
    button.disabled = true;
    try {
      const answer = (await load(form.getAttribute("action"), fields)).getElementById("explanation");
      if (!answer) throw new Error("another page");
      show(...answer.childNodes);
    } catch {
      show(make("p", { class: "trouble", role: "alert" }, "The service does not answer. The token was not explained."));
    } finally {
      button.disabled = false;
    }
  });
}

/** Removes what can be a secret; the service omits the same fields from the form on its page. */
function clearSecrets({ token, headers, path }) {
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
