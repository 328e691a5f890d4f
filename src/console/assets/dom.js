// Shared helpers. Text from the service becomes text nodes and attributes, never markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/** An SVG element with attributes and children. */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

// Control characters and bidirectional controls.
const CONTROLS = /[\p{Cc}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu;

/** Text from outside with control characters escaped, as the commands escape them. */
export const printable = (text) =>
  text.replace(CONTROLS, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);

/** Loads a page as a document; its scripts do not run. A form is sent in the body, never in the address. */
export function load(address, form) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(form ? "POST" : "GET", address);
    request.responseType = "document";
    request.timeout = 10_000;
    request.onload = () => (request.response ? resolve(request.response) : reject(new Error("no page")));
    request.onerror = request.ontimeout = () => reject(new Error("no answer"));
    request.send(form);
  });
}

/** Whether replacing the element would lose the user's focus or selection. */
export function isInUse(element) {
  const selection = getSelection();
  return (
    element.contains(document.activeElement) ||
    (selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode))
  );
}
