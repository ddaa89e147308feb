// Signing in by typing the token.

import { signIn } from "./api.js";
import { h } from "./dom.js";

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
      await signIn({ token: token.value });
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
