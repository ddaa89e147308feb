// Where the page begins: signs in, shows the view that the address names, keeps the frame around it.

import { call, signIn } from "./api.js";
import { h, setText, toast } from "./dom.js";
import { live } from "./live.js";
import { setUpTheme } from "./theme.js";

const VIEWS = {
  "": () => import("./now.js"),
  gallery: () => import("./gallery.js"),
  plots: () => import("./plots.js"),
  failures: () => import("./failures.js"),
  search: () => import("./search.js"),
  task: () => import("./task.js"),
};

// It does not wait for the style, so it may be here before the rest of the page is.
if (document.readyState === "loading") await new Promise((done) => document.addEventListener("DOMContentLoaded", done));

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const signOut = document.getElementById("sign-out");
const connection = document.getElementById("connection");

let open = null; // the view that is shown
let turn = 0; // counts changes of the view: what was asked for an earlier one comes to nothing
let signedIn = false;

/** "#/task/gw/id?x=1" → its words and its query. */
function address() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { words: path.split("/").map(decodeURIComponent), query: new URLSearchParams(query ?? "") };
}

async function show({ focus = true } = {}) {
  if (!signedIn) return;
  const mine = ++turn;
  const { words, query } = address();
  const name = Object.hasOwn(VIEWS, words[0]) ? words[0] : "";
  const { view } = await VIEWS[name]();
  if (mine !== turn || !signedIn) return;
  open?.close?.();
  const root = h("div", { class: `view view-${name || "now"}` });
  main.replaceChildren(root);
  open = view(root, words.slice(1), query) ?? {};
  markNav(name);
  const heading = root.querySelector("h1");
  document.title = `${heading?.textContent ?? "mjwatchd"} · mjwatchd`;
  if (focus) {
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function markNav(name) {
  for (const link of nav.querySelectorAll("a")) {
    const here = link.getAttribute("href") === `#/${name}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function setSignedIn(now) {
  signedIn = now;
  for (const part of [nav, signOut, connection]) part.hidden = !now;
}

async function enter(focus = false) {
  setSignedIn(true);
  live.start();
  await show({ focus });
}

async function leave() {
  if (!signedIn && open?.signIn) return;
  turn++;
  setSignedIn(false);
  live.stop();
  open?.close?.();
  open = { signIn: true };
  document.title = "Sign in · mjwatchd";
  const { showSignIn } = await import("./signin.js");
  if (!signedIn) showSignIn(main, () => enter(true)); // the focus was in the form
}

live.addEventListener("connection", () => {
  setText(connection, live.connection === "live" ? "Live" : "Connection lost, trying again…");
  connection.dataset.state = live.connection;
});
live.addEventListener("change", () => {
  const { dead = 0, held = 0 } = live.status?.deliveries ?? {};
  const badge = document.getElementById("failures-count");
  badge.hidden = dead + held === 0;
  badge.replaceChildren(String(dead + held), h("span", { class: "hidden" }, " webhooks dead or held"));
});
window.addEventListener("hashchange", () => (location.hash.startsWith("#link=") ? begin() : show()));
window.addEventListener("signed-out", leave);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view
  main.focus();
});
signOut.addEventListener("click", async () => {
  await call("DELETE", "/v1/page/session").catch((error) => toast(error.message, "bad"));
  leave();
});

/** By the link of `mjwatch page`, if that is what the address holds. */
async function signInByLink() {
  const link = /^#link=([0-9a-f]+)$/.exec(location.hash)?.[1];
  if (!link) return;
  history.replaceState(null, "", "/#/"); // it is used up: no bookmark of it
  await signIn({ link });
}

async function begin() {
  try {
    await signInByLink();
    await enter(); // without a session the first question is answered 401, which leads to the form
  } catch (error) {
    leave();
    toast(error.message, "bad");
  }
}

setUpTheme();
begin();
