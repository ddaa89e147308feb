// Looks for tasks by id, prompt, metadata, state and date.

import { get, withQuery } from "./api.js";
import { actionButton, h, setText } from "./dom.js";
import { count, moment, taskLink, taskState } from "./format.js";

const PAGE = 50;
const PATIENCE = 10; // pages in a row that may be empty before a person is asked

const STATES = {
  "": ["any state", {}],
  live: ["live", { active: "true" }],
  MODAL: ["needs an answer", { status: "MODAL" }],
  stalled: ["stalled", { active: "true", stalled: "true" }],
  succeeded: ["succeeded", { ending: "succeeded" }],
  failed: ["failed", { ending: "failed" }],
  cancelled: ["cancelled", { ending: "cancelled" }],
  expired: ["expired", { ending: "expired" }],
  lost: ["lost", { ending: "lost" }],
};

/** Midnight of a day here, `days` later. */
function midnight(day, days = 0) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + days).toISOString();
}

function parametersOf(query) {
  const from = query.get("from"), to = query.get("to");
  return {
    q: query.get("q"), ...(STATES[query.get("state") ?? ""] ?? STATES[""])[1],
    since: from && midnight(from), until: to && midnight(to, 1), brief: "true", limit: PAGE,
  };
}

function resultItem(task) {
  const [word, kind] = taskState(task);
  const metadata = task.metadata && Object.keys(task.metadata).length ? JSON.stringify(task.metadata) : "";
  return h("li", { class: "result" },
    h("div", null, h("a", { href: taskLink(task) }, task.id), task.task?.prompt ? h("span", { class: "prompt" }, task.task.prompt) : null,
      metadata ? h("span", { class: "prompt mono" }, metadata) : null),
    h("div", { class: "task-state" }, h("span", { class: `chip ${kind}` }, word), h("span", { class: "times" }, moment(task.registered_at))));
}

function field(label, input) {
  return h("label", null, h("span", null, label), input);
}

function searchForm(query) {
  const q = h("input", { name: "q", type: "search", maxlength: "200", placeholder: "id, prompt or metadata", value: query.get("q") ?? "" });
  const state = h("select", { name: "state" }, Object.entries(STATES).map(([value, [name]]) => h("option", { value, selected: value === (query.get("state") ?? "") }, name)));
  const from = h("input", { name: "from", type: "date", value: query.get("from") ?? "" });
  const to = h("input", { name: "to", type: "date", value: query.get("to") ?? "" });
  const form = h("form", { class: "search-form card", role: "search" }, field("Words", q), field("State", state), field("Registered from", from), field("to", to),
    h("button", { class: "primary", type: "submit" }, "Search"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const hash = withQuery("#/search", Object.fromEntries(new FormData(form)));
    if (hash === location.hash) window.dispatchEvent(new Event("hashchange"));
    else location.hash = hash;
  });
  return form;
}

export function view(root, words, query) {
  const found = h("p", { class: "note", role: "status" });
  const list = h("ul", { class: "results card", hidden: true });
  let cursor = "", closed = false, number = 0;

  async function more() {
    const before = number;
    setText(found, "Looking…");
    for (let pages = 0; pages < PATIENCE && number < before + PAGE; ++pages) {
      const page = await get(withQuery("/v1/tasks", { ...parametersOf(query), cursor }));
      if (closed) return;
      list.append(...page.tasks.map(resultItem));
      number += page.tasks.length;
      cursor = page.next_cursor;
      if (!cursor) break;
    }
    list.hidden = number === 0;
    further.hidden = !cursor;
    const end = cursor ? ", there may be more" : "";
    setText(found, number === 0 ? `Nothing found${cursor ? " so far" : ""}.` : `${count(number)} found${end}.`);
  }
  const further = actionButton("Look further back", more);
  further.hidden = true;
  root.append(h("h1", null, "Search"), searchForm(query), found, list, h("p", null, further));
  more().catch((error) => setText(found, error.message));
  return {
    close() {
      closed = true;
    },
  };
}
