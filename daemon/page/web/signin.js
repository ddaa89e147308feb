// Signing in: by the one-time link of `mjwatch page`, or by typing the token.

import { post } from "./api.js";
import { h } from "./dom.js";

/** True when the address held a link that was good. */
export async function signInByLink() {
  const found = /^#link=([0-9a-f]+)$/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, "", "/#/"); // it is used up: no bookmark of it
  try {
    await post("/v1/page/session", { link: found[1] });
  } catch (error) {
    error.link = true;
    throw error;
  }
  return true;
}

export function showSignIn(main, entered) {
  const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true, spellcheck: "false" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h("form", { class: "card sign-in" },
    h("h1", null, "Sign in"),
    h("p", null, "Run ", h("code", null, "mjwatch page"), " on the daemon's machine and open the link it prints. Or type the token of ",
      h("code", null, "control.token_file"), "."),
    h("label", { for: "token" }, "Token"), token, wrong, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    try {
      await post("/v1/page/session", { token: token.value });
      await entered();
    } catch (error) {
      wrong.textContent = error.message;
      token.select();
    } finally {
      button.disabled = false;
    }
  });
  main.replaceChildren(form);
  token.focus();
}
