// What is going on: live tasks, gateways, endpoints.

import { call } from "./api.js";
import { actionButton, h, setText, toast } from "./dom.js";
import { ago, count, percent, span } from "./format.js";
import { live } from "./live.js";
import { TaskRows } from "./task_rows.js";

function tile(name, href) {
  const value = h("strong", null, "–");
  const tag = href ? "a" : "div";
  return { root: h(tag, { class: "tile", href }, value, h("span", null, name)), value };
}

function meter(name, share, text) {
  const bar = h("span", { class: "meter-bar" });
  bar.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
  return h("div", { class: "meter" }, h("dt", null, name), h("dd", null, h("span", null, text), bar));
}

const GATEWAY_STATES = { up: "good", probing: "warn", throttled: "warn", open: "bad", refused: "bad" };
const GATEWAY_WORDS = { open: "not answering", refused: "token refused", probing: "being tried" };

function gatewayCard(gateway) {
  const { budget, detection_delay: delay } = gateway;
  const limit = budget.max_calls_per_minute;
  const burst = Math.min(10, Math.max(1, Math.floor(limit / 20))); // as many as may be made at once
  return h("li", { class: "card" },
    h("h3", null, gateway.name, h("span", { class: `chip ${GATEWAY_STATES[gateway.state] ?? "plain"}` }, GATEWAY_WORDS[gateway.state] ?? gateway.state)),
    gateway.last_error && gateway.state !== "up" ? h("p", { class: "reason" }, gateway.last_error) : null,
    h("dl", { class: "facts" },
      h("div", null, h("dt", null, "Live tasks"), h("dd", null, count(gateway.live))),
      h("div", null, h("dt", null, "Calls"), h("dd", null, `${count(gateway.calls)}${gateway.failed_calls ? `, ${count(gateway.failed_calls)} failed` : ""}`)),
      h("div", null, h("dt", null, "Noticed after"), h("dd", null, delay.count ? `${span(delay.p50_s)} (95 %: ${span(delay.p95_s)})` : "no end seen yet")),
      h("div", null, h("dt", null, "Breaker"), h("dd", null, gateway.state === "open" ? "open" : gateway.state === "probing" ? "trying" : "closed")),
      limit ? meter("Budget", budget.left / burst, `${Math.floor(budget.left)} at once, ${count(limit)} a minute`) : null,
      gateway.batch_fill === null ? null : meter("Batches", gateway.batch_fill, `${percent(gateway.batch_fill)} full`)));
}

const ENDPOINT_STATES = { up: "good", probing: "warn", failing: "bad", disabled: "bad", gone: "bad" };

function endpointCard(endpoint) {
  const { delivered, failed } = endpoint.attempts;
  const made = delivered + failed;
  const path = `/v1/endpoints/${encodeURIComponent(endpoint.name)}/`;
  return h("li", { class: "card" },
    h("h3", null, endpoint.name, h("span", { class: `chip ${ENDPOINT_STATES[endpoint.state] ?? "plain"}` }, endpoint.state)),
    endpoint.url ? h("p", { class: "url" }, endpoint.url) : null,
    h("dl", { class: "facts" },
      h("div", null, h("dt", null, "Queue"), h("dd", null, `${count(endpoint.pending)} waiting`)),
      h("div", null, h("dt", null, "On the way"), h("dd", null, count(endpoint.in_flight))),
      endpoint.held ? h("div", null, h("dt", null, "Held"), h("dd", null, count(endpoint.held))) : null,
      h("div", null, h("dt", null, "Last success"), h("dd", null, ago(endpoint.last_success))),
      made ? meter("Attempts that succeeded", delivered / made, `${percent(delivered / made)} of ${count(made)}`)
        : h("div", null, h("dt", null, "Attempts"), h("dd", null, "none since the start"))),
    endpoint.configured ? h("p", { class: "actions" },
      endpoint.state === "disabled"
        ? actionButton("Enable", () => call("POST", `${path}enable`, {}).then(() => live.read()), { "aria-label": `Enable ${endpoint.name}` })
        : actionButton("Send a test", () => call("POST", `${path}test`, {}).then(() => toast(`A test is on its way to ${endpoint.name}`)),
          { "aria-label": `Send a test to ${endpoint.name}` })) : null);
}

/** Replaced only when something in it differs, so that focus and selection stay. */
function cards(list) {
  let before = "";
  return (items, make) => {
    const now = JSON.stringify(items) + Math.floor(Date.now() / 10000);
    if (now === before || list.contains(document.activeElement)) return;
    before = now;
    list.replaceChildren(...items.map(make));
  };
}

function watchForm() {
  const id = h("input", { id: "watch-id", required: true, maxlength: "128", pattern: "[A-Za-z0-9_.:\\-]+", autocomplete: "off", spellcheck: "false",
    placeholder: "1712158011464906", title: "1 to 128 of A-Z a-z 0-9 _ . : -" });
  const gateway = h("select", { id: "watch-gateway" });
  const form = h("form", { class: "watch-form" }, h("label", { for: "watch-id" }, "Watch a task"), id,
    h("label", { for: "watch-gateway", class: "hidden" }, "Gateway"), gateway, h("button", { type: "submit" }, "Watch"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await call("PUT", `/v1/tasks/${encodeURIComponent(id.value)}`, gateway.value ? { gateway: gateway.value } : {});
      toast(`Watching ${id.value}`);
      id.value = "";
      live.read();
    } catch (error) {
      toast(error.message, "bad");
    }
  });
  const update = () => {
    const names = live.gateways.filter((one) => one.configured).map((one) => one.name);
    if (names.join() === [...gateway.options].map((one) => one.value).join()) return;
    gateway.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    gateway.hidden = names.length < 2;
  };
  return { form, update };
}

export function view(root) {
  const watching = tile("watching"), saving = tile("saving pictures"), done = tile("done", "#/gallery");
  const pending = tile("webhooks waiting"), failed = tile("webhooks dead or held", "#/failures");
  const shared = h("p", { class: "note", hidden: true });
  const troubles = h("ul", { class: "troubles", "aria-label": "Troubles" });
  const rows = new TaskRows();
  const none = h("p", { class: "empty" }, "Nothing is being made just now.");
  const more = h("p", { class: "note", hidden: true }, h("span", null), h("a", { href: "#/search?state=live" }, "Search them"));
  const watch = watchForm();
  const gateways = h("ul", { class: "cards" }), endpoints = h("ul", { class: "cards" });
  root.append(
    h("h1", { class: "hidden" }, "Now"), troubles,
    h("div", { class: "tiles" }, watching.root, saving.root, done.root, pending.root, failed.root), shared,
    h("section", { "aria-labelledby": "live-title" },
      h("div", { class: "section-head" }, h("h2", { id: "live-title" }, "Live tasks"), watch.form), none, rows.root, more),
    h("div", { class: "pair" },
      h("section", { "aria-labelledby": "gateways-title" }, h("h2", { id: "gateways-title" }, "Gateways"), gateways),
      h("section", { "aria-labelledby": "endpoints-title" }, h("h2", { id: "endpoints-title" }, "Endpoints"), endpoints)));
  const setGateways = cards(gateways), setEndpoints = cards(endpoints);

  const update = () => {
    const { status } = live;
    if (!status) return;
    setText(watching.value, count(status.tasks.watching + status.tasks.late));
    setText(saving.value, count(status.tasks.saving));
    setText(done.value, count(status.tasks.done));
    setText(pending.value, count(status.deliveries.pending));
    const bad = status.deliveries.dead + status.deliveries.held;
    setText(failed.value, count(bad));
    failed.root.classList.toggle("bad", bad > 0);
    const { sharing } = status; // of a watch list that several daemons share
    shared.hidden = !sharing;
    if (sharing) {
      const names = sharing.daemons.map((one) => `${one.host}${one.newcomer ? " (new)" : ""}`).join(", ");
      setText(shared, `Shared by ${count(sharing.daemons.length)} daemons: ${names}. ${count(sharing.tasks)} of the tasks are ` +
        `this one's${sharing.lease.valid ? "" : ", whose lease has run out"}.`);
    }
    const told = status.troubles.map((one) => `${one.part}: ${one.text}`);
    if (told.join() !== [...troubles.children].map((one) => one.textContent).join()) {
      troubles.replaceChildren(...told.map((text) => h("li", null, text)));
    }
    troubles.hidden = told.length === 0;
    rows.show([...live.tasks.values()], live.gateways);
    none.hidden = live.tasks.size > 0;
    const all = status.tasks.watching + status.tasks.saving + status.tasks.late;
    more.hidden = all <= live.tasks.size;
    setText(more.firstChild, `The newest ${count(live.tasks.size)} of ${count(all)}. `);
    setGateways(live.gateways, gatewayCard);
    setEndpoints(live.endpoints, endpointCard);
    watch.update();
  };
  const progress = () => rows.refresh(live.gateways);
  live.addEventListener("change", update);
  live.addEventListener("progress", progress);
  const second = setInterval(progress, 1000);
  update();
  return {
    close() {
      clearInterval(second);
      live.removeEventListener("change", update);
      live.removeEventListener("progress", progress);
    },
  };
}
