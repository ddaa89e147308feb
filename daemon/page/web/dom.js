// Elements, made without any text that is parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** h("a", { href: "#/", class: "x", onclick: f }, "text", otherElement) */
export function h(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** The same for SVG. */
export function s(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

/** Sets a text only when it differs: what did not change is not laid out, nor read out, again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let toasts = 0;
/** A short word on what came of something, read out too. */
export function toast(text, kind = "good") {
  const area = document.getElementById("toasts");
  const one = h("div", { class: `toast ${kind}`, "data-toast": ++toasts }, text);
  area.append(one);
  while (area.children.length > 4) area.firstChild.remove();
  setTimeout(() => one.remove(), kind === "bad" ? 12000 : 5000);
}

/** Says what went wrong; nothing of a daemon that is away, for the frame says that. */
export function tell(error) {
  if (error.status === undefined) console.error(error); // a mistake of ours
  if (error.status !== 0) toast(error.message, "bad");
}

/** A button that works on something: it can't be pressed twice, and says what went wrong. */
export function actionButton(label, work, properties) {
  const button = h("button", { type: "button", ...properties }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await work(button);
    } catch (error) {
      if (error.status === undefined) console.error(error);
      toast(error.message, "bad");
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** Puts a text where it can be pasted from. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not on localhost and without TLS: the old way.
    const area = h("textarea", { class: "hidden", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error(`The browser does not let it be copied: ${text}`);
  }
  toast(`Copied: ${what ?? text}`);
}

/** A pair of a list of facts; nothing for what is not known. */
export function fact(name, value) {
  if (value === null || value === undefined || value === "") return null;
  return h("div", null, h("dt", null, name), h("dd", null, value));
}
