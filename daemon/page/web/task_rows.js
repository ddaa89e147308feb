// A list of live tasks whose rows stay the same elements while their tasks move.

import { h, setText } from "./dom.js";
import { expectation, secondsSince, span, taskKey, taskLink, taskState } from "./format.js";

class Row {
  constructor(task) {
    this.task = task;
    this.state = h("span", { class: "chip" });
    this.bar = h("span", { class: "bar" });
    this.progress = h("span", { class: "progress", role: "progressbar", "aria-label": `Progress of ${task.id}`, "aria-valuemin": "0", "aria-valuemax": "100" }, this.bar);
    this.number = h("span", { class: "number", "aria-hidden": "true" });
    this.age = h("span", null);
    this.expected = h("span", { class: "expected" });
    this.prompt = h("span", { class: "prompt" });
    this.root = h("li", { class: "task-row" },
      h("div", { class: "task-what" }, h("a", { href: taskLink(task) }, task.id), this.prompt),
      h("div", { class: "task-progress" }, this.progress, this.number),
      h("div", { class: "task-state" }, this.state, h("span", { class: "times" }, this.age, this.expected)));
  }

  update(task, gateways, now) {
    this.task = task;
    const [word, kind] = taskState(task);
    setText(this.state, word);
    this.state.className = `chip ${kind}`;
    setText(this.prompt, [task.action, task.task?.prompt].filter(Boolean).join(" · "));
    const progress = task.progress ?? 0;
    this.bar.style.setProperty("--share", String(progress / 100));
    this.progress.setAttribute("aria-valuenow", String(progress));
    setText(this.number, task.progress === null ? "" : `${progress} %`);
    setText(this.age, `${span(secondsSince(task.submitted_at ?? task.registered_at, now))} old`);
    setText(this.expected, expectation(task, gateways, now));
  }
}

export class TaskRows {
  root = h("ul", { class: "task-rows", "aria-label": "Live tasks" });
  #rows = new Map();

  show(tasks, gateways) {
    const now = Date.now();
    const keys = new Set(tasks.map(taskKey));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.root.remove();
      this.#rows.delete(key);
    }
    let before = null;
    for (const task of tasks) {
      const key = taskKey(task);
      let row = this.#rows.get(key);
      if (!row) this.#rows.set(key, (row = new Row(task)));
      row.update(task, gateways, now);
      const place = before ? before.nextSibling : this.root.firstChild;
      if (place !== row.root) this.root.insertBefore(row.root, place);
      before = row.root;
    }
    this.root.hidden = tasks.length === 0;
  }

  refresh(gateways) {
    const now = Date.now();
    for (const row of this.#rows.values()) row.update(row.task, gateways, now);
  }
}
