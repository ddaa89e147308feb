// What went wrong, why, and what mends it.

import { call, get, post, withQuery } from "./api.js";
import { actionButton, copy, h, tell, toast } from "./dom.js";
import { deliveryItem } from "./deliveries.js";
import { count, moment, secondsSince, span, taskLink, taskPath } from "./format.js";
import { live } from "./live.js";

const SHOWN = 20, MOST = 1000;

let configured = { gateways: [], endpoints: [] }; // as last read

/**
 * A task that the daemon has given up is registered anew, with its metadata and receivers; what the API does not tell
 * of a registration (its filter of events, its time to expire) is the configuration's then. There is no such button
 * where that would be refused: for a receiver whose secret is not known here, or what is gone from the configuration.
 */
function watchAgain(task) {
  const receivers = task.webhooks;
  const there = (list, name) => list.some((one) => one.name === name && one.configured);
  if (!there(configured.gateways, task.gateway) || receivers?.some((one) => !there(configured.endpoints, one))) return null;
  return actionButton("Watch again", async () => {
    await call("DELETE", taskPath(task));
    await call("PUT", taskPath(task), {
      metadata: task.metadata, save: task.save, ...(receivers && { webhooks: receivers }),
      ...(task.action && { action: task.action }), ...(task.submitted_at && { submitted_at: Date.parse(task.submitted_at) }),
    });
    toast(`Watching ${task.id} again`);
  }, { "aria-label": `Watch again: ${task.id}` });
}

const copyPrompt = (task) => (task.task?.prompt
  ? actionButton("Copy prompt", () => copy(task.task.prompt, "the prompt"), { "aria-label": `Copy prompt of ${task.id}` }) : null);

const askNow = (task) => actionButton("Ask now", async () => {
  await post(taskPath(task, "/refresh"));
  toast(`Asking the gateway for ${task.id}`);
}, { "aria-label": `Ask now for ${task.id}` });

function taskItem(task, reason, actions) {
  return h("li", { class: "delivery" },
    h("div", { class: "delivery-head" }, h("a", { href: taskLink(task) }, task.id), h("span", { class: "note" }, `${task.gateway}, ${moment(task.ended_at ?? task.changed_at)}`)),
    task.task?.prompt ? h("p", { class: "note one-line" }, task.task.prompt) : null,
    h("p", { class: "reason" }, reason), h("p", { class: "actions" }, actions));
}

const TASKS = [
  { title: "Lost tasks", query: { ending: "lost" }, help: "The gateway does not know them any more: it forgot them, or the id is of another gateway or account.",
    item: (task) => taskItem(task, "Not in the gateway's replies, and unknown to it when asked for alone.", watchAgain(task)) },
  { title: "Stalled tasks", query: { active: "true", stalled: "true" }, help: "Without any change for watch.stall_after; they are still watched.",
    item: (task) => taskItem(task, `No change for ${span(secondsSince(task.changed_at))}${task.progress === null ? "" : `, at ${task.progress} %`}.`, askNow(task)) },
  { title: "Expired tasks", query: { ending: "expired" }, help: "They did not end within watch.expire_after.",
    item: (task) => taskItem(task, `Not ended by ${moment(task.expires_at)}.`, watchAgain(task)) },
  { title: "Failed tasks", query: { ending: "failed" }, help: "The gateway says that they failed. Submit them again there, with what is said changed.",
    item: (task) => taskItem(task, task.task?.failReason || "The gateway gave no reason.", copyPrompt(task)) },
];

function section(title, help) {
  const list = h("ul", { class: "delivery-list card" }), number = h("span", { class: "badge" }), actions = h("span", { class: "actions" });
  const id = `f-${title.replaceAll(" ", "-").toLowerCase()}`;
  const root = h("section", { "aria-labelledby": id, hidden: true },
    h("div", { class: "section-head" }, h("h2", { id }, title, " ", number), actions), h("p", { class: "note" }, help), list);
  return {
    root, actions,
    show(items, make, more) {
      const now = JSON.stringify(items);
      if (now === root.dataset.shown) return;
      root.dataset.shown = now;
      root.hidden = items.length === 0;
      number.textContent = `${count(items.length)}${more ? "+" : ""}`;
      // What is unfolded, or has the focus, stays: only what is not known yet is made.
      const kept = new Map([...list.children].map((one) => [one.dataset.key, one]));
      list.replaceChildren(...items.map((one) => {
        const key = JSON.stringify(one);
        const item = kept.get(key) ?? make(one);
        item.dataset.key = key;
        return item;
      }));
    },
  };
}

export function view(root) {
  let closed = false, limit = SHOWN;
  const troubles = section("Troubles of the daemon", "Each with what mends it.");
  const dead = section("Dead webhooks", "Every attempt failed, or none could help. Mend the receiver, then replay: the webhook-id stays the same.");
  const held = section("Held webhooks", "Their endpoint is disabled, or gone from the configuration.");
  const tasks = TASKS.map((kind) => ({ ...kind, section: section(kind.title, kind.help) }));
  const none = h("p", { class: "empty", hidden: true }, "Nothing is wrong. Every webhook has arrived or is on its way.");
  root.append(h("h1", null, "Failures"), none, troubles.root, dead.root, held.root, ...tasks.map((kind) => kind.section.root));

  const replayAll = () => actionButton("Replay all dead", async () => {
    const { replayed } = await post("/v1/deliveries/replay", { state: "dead" });
    toast(`${replayed ?? "All"} webhooks are sent again`);
    await read();
  });
  const enable = (endpoint) => actionButton(`Enable ${endpoint}`, async () => {
    await post(`/v1/endpoints/${encodeURIComponent(endpoint)}/enable`);
    toast(`${endpoint} is enabled; what was held is sent`);
    await read();
  });
  dead.actions.append(replayAll());
  const further = actionButton("Show more", () => {
    limit = Math.min(limit * 5, MOST);
    return read();
  });
  further.hidden = true;
  root.append(further);

  async function read() {
    const [status, deadOnes, heldOnes, { endpoints }, { gateways }, ...lists] = await Promise.all([
      get("/v1/status"),
      get(withQuery("/v1/deliveries", { state: "dead", limit })),
      get(withQuery("/v1/deliveries", { state: "held", limit })),
      get("/v1/endpoints"),
      get("/v1/gateways"),
      ...tasks.map((kind) => get(withQuery("/v1/tasks", { ...kind.query, brief: "true", limit }))),
    ]);
    if (closed) return;
    configured = { gateways, endpoints };
    troubles.show(status.troubles, (one) => h("li", { class: "delivery" }, h("strong", null, one.part), h("p", { class: "reason" }, one.text)));
    dead.show(deadOnes.deliveries, (one) => deliveryItem(one, read, { withTask: true }), deadOnes.next_cursor);
    held.show(heldOnes.deliveries, (one) => deliveryItem(one, read, { withTask: true }), heldOnes.next_cursor);
    held.actions.replaceChildren(...endpoints.filter((one) => one.state === "disabled").map((one) => enable(one.name)));
    tasks.forEach((kind, i) => kind.section.show(lists[i].tasks, kind.item, lists[i].tasks.length >= limit));
    const longest = Math.max(deadOnes.deliveries.length, heldOnes.deliveries.length, ...lists.map((one) => one.tasks.length));
    further.hidden = longest < limit || limit >= MOST;
    none.hidden = [...root.querySelectorAll("section")].some((one) => !one.hidden);
  }

  const again = () => read().catch(tell);
  live.addEventListener("change", again);
  again();
  return {
    close() {
      closed = true;
      live.removeEventListener("change", again);
    },
  };
}
