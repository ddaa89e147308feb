// One task: its pictures, what is known of it, what happened to it, and every webhook that told of it.

import { call, get, post, withQuery } from "./api.js";
import { actionButton, copy, fact, h, setText, tell, toast } from "./dom.js";
import { deliveryItem } from "./deliveries.js";
import { expectation, moment, span, taskPath, taskState } from "./format.js";
import { live } from "./live.js";
import { pictureFigure } from "./pictures.js";
import { EventFeed } from "./stream.js";

const EVENT_WORDS = {
  "task.started": "Started", "task.progress": "Progress", "task.modal": "Needs an answer", "task.images": "Pictures came later",
  "task.succeeded": "Succeeded", "task.failed": "Failed", "task.cancelled": "Cancelled", "task.stalled": "Stalled",
  "task.expired": "Expired", "task.lost": "Lost",
};
const EVENT_KINDS = {
  "task.succeeded": "good", "task.images": "good", "task.failed": "bad", "task.lost": "bad", "task.expired": "bad",
  "task.stalled": "warn", "task.modal": "warn",
};

const between = (from, to) => (from && to ? span((Date.parse(to) - Date.parse(from)) / 1000) : null);

function facts(task) {
  const expected = task.ending ? "" : expectation(task, live.gateways);
  return h("dl", { class: "facts" },
    fact("Gateway", task.gateway), fact("Action", task.action),
    fact("Progress", task.progress === null ? null : `${task.progress} %`), fact("Expected", expected),
    fact("Took", between(task.submitted_at, task.finished_at)),
    fact("Noticed and saved after", between(task.finished_at, task.ended_at)),
    task.ending ? null : fact("Expires", moment(task.expires_at)), fact("Seed", task.seed), fact("Pictures saved", task.save));
}

function buttonsOf(task) {
  const buttons = Array.isArray(task.task?.buttons) ? task.task.buttons : [];
  if (buttons.length === 0) return null;
  return h("section", { class: "card", "aria-labelledby": "buttons-title" },
    h("h2", { id: "buttons-title" }, "Buttons"),
    h("p", { class: "note" }, "What the gateway offers to do with it; a press copies the customId for a call of your own."),
    h("p", { class: "actions" }, buttons.map((button) => {
      const label = [button.emoji, button.label].filter(Boolean).join(" ") || "?";
      return actionButton(label, () => copy(button.customId ?? button.custom_id ?? "", label));
    })));
}

function reasonOf(task) {
  const told = task.task?.failReason;
  if (told) return told;
  if (task.image_error) return `No picture: ${task.image_error}`;
  if (task.ending === "lost") return "The gateway does not know this task any more.";
  if (task.ending === "expired") return "It did not end within expire_after.";
  return null;
}

function json(title, value) {
  return h("details", { class: "card" }, h("summary", null, title), h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2)));
}

/** What happened, in the order of its times: told by events, and by the task's own times. */
class Timeline {
  list = h("ol", { class: "timeline" });
  #progress = null;
  #known = new Set();

  constructor(task) {
    this.know(task);
    this.feed = new EventFeed({ event: (type, body) => this.heard(type, body), state: () => {}, gap: () => {} },
      { path: withQuery("/v1/events", { task: task.id, gateway: task.gateway }), last: "0" });
  }

  know(task) {
    for (const [name, at] of [["Registered", task.registered_at], ["Submitted", task.submitted_at],
      ["Begun by the gateway", task.started_at], ["Finished by the gateway", task.finished_at]]) {
      if (!at || this.#known.has(name)) continue;
      this.#known.add(name);
      this.#add(at, name, "plain");
    }
  }

  heard(type, body) {
    const progress = parseInt(body.data?.task?.progress, 10);
    const word = EVENT_WORDS[type] ?? type;
    if (type === "task.progress") {
      this.#progress ??= this.#add(body.timestamp, "", "live");
      setText(this.#progress.querySelector("strong"), `${word} ${Number.isFinite(progress) ? `${progress} %` : ""}`);
      const time = this.#progress.querySelector("time");
      time.dateTime = body.timestamp;
      setText(time, moment(body.timestamp));
      return;
    }
    this.#progress = null;
    this.#add(body.timestamp, word, EVENT_KINDS[type] ?? "plain");
  }

  #add(at, word, kind) {
    const item = h("li", { class: kind }, h("strong", null, word), h("time", { datetime: at }, moment(at)));
    const later = [...this.list.children].find((one) => one.querySelector("time").dateTime > at);
    this.list.insertBefore(item, later ?? null);
    return item;
  }
}

export function view(root, [gateway, id]) {
  const head = h("div", { class: "task-head" }), body = h("div", { class: "task-body" });
  const deliveries = h("ul", { class: "delivery-list" });
  const heading = h("h1", { class: "mono" }, id);
  root.append(heading, head, body);
  const path = (tail) => taskPath({ gateway, id }, tail);
  let timeline = null, shown = "", closed = false;

  const showDeliveries = async () => {
    const { deliveries: list } = await get(withQuery("/v1/deliveries", { task: id, gateway, limit: 200 }));
    const now = JSON.stringify(list);
    if (closed || now === deliveries.dataset.shown) return;
    deliveries.dataset.shown = now;
    deliveries.replaceChildren(...(list.length ? list.map((one) => deliveryItem(one, showDeliveries)) : [h("li", { class: "note" }, "No webhook was made for it.")]));
  };

  const show = (task) => {
    const now = JSON.stringify(task);
    if (closed || now === shown) return;
    shown = now;
    const [word, kind] = taskState(task);
    const reason = reasonOf(task);
    const ended = Boolean(task.ending);
    head.replaceChildren(
      h("p", null, h("span", { class: `chip ${kind}` }, word)),
      task.task?.prompt ? h("p", { class: "whole-prompt" }, task.task.prompt) : "",
      reason ? h("p", { class: "reason" }, reason) : "",
      h("p", { class: "actions" },
        actionButton("Refresh", async () => {
          const { asking } = await post(path("/refresh"));
          toast({ gateway: "Asking the gateway now", pictures: "Trying the pictures again", nothing: "There is nothing to ask for any more" }[asking]);
        }),
        actionButton("Copy id", () => copy(id)),
        task.task?.prompt ? actionButton("Copy prompt", () => copy(task.task.prompt, "the prompt")) : null,
        ended ? null : actionButton("Stop watching", async () => {
          if (!window.confirm(`Stop watching ${id}? Its final event will not be sent.`)) return;
          await call("DELETE", path());
          toast(`${id} is not watched any more`);
          location.hash = "#/";
        })));
    timeline ??= new Timeline(task);
    timeline.know(task);
    body.replaceChildren(
      h("div", { class: "task-main" },
        task.images.length ? h("section", { class: "pictures", "aria-label": "Pictures" }, task.images.map((image, n) => pictureFigure(task, image, n))) : "",
        h("section", { class: "card", "aria-labelledby": "deliveries-title" }, h("h2", { id: "deliveries-title" }, "Webhooks"), deliveries)),
      h("div", { class: "task-side" },
        h("section", { class: "card", "aria-labelledby": "facts-title" }, h("h2", { id: "facts-title" }, "What is known"), facts(task)),
        h("section", { class: "card", "aria-labelledby": "timeline-title" }, h("h2", { id: "timeline-title" }, "Timeline"), timeline.list),
        buttonsOf(task) ?? "", json("Metadata", task.metadata), json("The gateway's answer", task.task)));
  };

  const read = async () => {
    try {
      show(await get(path()));
      await showDeliveries();
    } catch (error) {
      if (!closed && shown === "") head.replaceChildren(h("p", { class: "empty" }, error.message));
      else tell(error);
    }
  };
  const heard = ({ detail }) => detail.data?.id === id && detail.data.gateway === gateway && read();
  live.addEventListener("event", heard);
  const slow = setInterval(() => !document.hidden && live.connection === "live" && showDeliveries().catch(() => {}), 4000);
  read();
  return {
    close() {
      closed = true;
      timeline?.feed.close();
      clearInterval(slow);
      live.removeEventListener("event", heard);
    },
  };
}
