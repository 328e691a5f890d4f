// What the parts of the console share. Whatever a request, a token or an issuer said becomes text; no markup is made of it.

/** The element of that id. */
export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/** The same for a drawing. */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

// Control characters, and those that turn the direction of writing.
const OBEYED = /[\p{Cc}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu;

/** Text that strangers chose, with what a page would obey escaped, as the commands escape it. */
export const printable = (text) =>
  text.replace(OBEYED, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);

/** A page of the service, read as a document: its scripts do not run. A form is sent in the body, never in the address. */
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

/** Whether somebody is at work in there: focus or a selection would be lost by a renewal. */
export function isInUse(element) {
  const selection = getSelection();
  return (
    element.contains(document.activeElement) ||
    (selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode))
  );
}
