// Finished pictures, newest first. However many there are, only those near the window are elements of the page.

import { get, withQuery } from "./api.js";
import { h, setText } from "./dom.js";
import { count, moment, taskKey, taskLink, taskPath } from "./format.js";
import { live } from "./live.js";
import { altOf, filmIcon, isFilm } from "./pictures.js";

const PAGE = 120, LARGEST_PAGE = 1000; // tasks asked for at once: more, the further back somebody goes
const GAP = 12; // pixels between tiles, as in style.css
const AROUND = 1.5; // windows kept above and below

/** What the gallery needs of a task: there may be 100,000 in memory. */
function small(task) {
  const { id, gateway, images, registered_at, task: object } = task;
  return { id, gateway, images: [{ content_type: images[0].content_type }], more: images.length - 1, registered_at, task: object?.prompt ? { prompt: object.prompt } : null };
}

function tile(task, place) {
  const [image] = task.images;
  const picture = isFilm(image) ? filmIcon() : h("img", { src: taskPath(task, "/images/0/thumbnail"), alt: "", loading: "lazy", decoding: "async" });
  const link = h("a", { href: taskLink(task), "aria-label": altOf(task, 0) }, picture,
    task.more > 0 ? h("span", { class: "count", "aria-hidden": "true" }, `+${task.more}`) : null,
    h("span", { class: "caption", "aria-hidden": "true" }, task.task?.prompt ?? task.id));
  if (picture.tagName === "IMG") picture.addEventListener("error", () => picture.replaceWith(h("span", { class: "no-picture" }, "no preview")), { once: true });
  return h("li", { "aria-posinset": place + 1, "aria-setsize": "-1" }, link);
}

/** A grid of which only a part is there; the rest is empty room of the right height. */
class Grid {
  root = h("ul", { class: "gallery", "aria-label": "Pictures" });
  items = [];
  #shown = new Map(); // key → element
  #needMore;
  #frame = 0;

  constructor(needMore) {
    this.#needMore = needMore;
    window.addEventListener("scroll", this.draw, { passive: true });
    window.addEventListener("resize", this.draw);
  }

  close() {
    window.removeEventListener("scroll", this.draw);
    window.removeEventListener("resize", this.draw);
    cancelAnimationFrame(this.#frame);
  }

  draw = () => {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  };

  #draw() {
    const width = this.root.clientWidth;
    if (width === 0) return;
    const columns = Math.max(2, Math.floor((width + GAP) / (window.innerWidth < 760 ? 150 + GAP : 220 + GAP)));
    const side = Math.floor((width - GAP * (columns - 1)) / columns);
    const row = side + GAP;
    const rows = Math.ceil(this.items.length / columns);
    const top = -this.root.getBoundingClientRect().top;
    const room = window.innerHeight * AROUND;
    const first = Math.max(0, Math.min(rows - 1, Math.floor((top - room) / row)));
    const last = Math.max(0, Math.min(rows, Math.ceil((top + window.innerHeight + room) / row)));
    this.root.style.setProperty("--columns", String(columns));
    this.root.style.setProperty("--side", `${side}px`);
    this.root.style.setProperty("--before", `${first * row}px`);
    this.root.style.setProperty("--after", `${(rows - last) * row}px`);
    this.#place(first * columns, Math.min(this.items.length, last * columns));
    if (last >= rows - 2 * Math.ceil(window.innerHeight / row)) this.#needMore();
  }

  /** What stays keeps its element, and with it the focus and the loaded picture. */
  #place(from, to) {
    const wanted = new Map();
    for (let i = from; i < to; ++i) wanted.set(taskKey(this.items[i]), i);
    for (const [key, element] of this.#shown) {
      if (wanted.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    let next = this.root.firstChild;
    for (const [key, i] of wanted) {
      let element = this.#shown.get(key);
      if (!element) this.#shown.set(key, (element = tile(this.items[i], i)));
      if (element === next) next = next.nextSibling;
      else this.root.insertBefore(element, next);
    }
  }
}

export function view(root) {
  let cursor = "", asking = false, closed = false, turn = 0;
  const known = new Set();
  const until = h("input", { type: "date", id: "gallery-until" });
  const note = h("p", { class: "note", role: "status" });
  const fresh = h("button", { class: "primary fresh", type: "button", hidden: true }, "Newer pictures");
  const grid = new Grid(() => more());

  const ask = (parameters) => get(withQuery("/v1/tasks", { pictures: "true", brief: "true", ...parameters }));
  const take = (tasks, put) => {
    const news = tasks.filter((task) => !known.has(taskKey(task))).map(small);
    for (const task of news) known.add(taskKey(task));
    put(news);
    grid.draw();
  };

  async function more() {
    if (asking || cursor === null) return;
    asking = true;
    const mine = turn;
    try {
      const page = await ask({ cursor, limit: Math.min(Math.max(PAGE, grid.items.length >> 1), LARGEST_PAGE), until: until.value && new Date(`${until.value}T24:00`).toISOString() });
      if (closed || mine !== turn) return;
      cursor = page.next_cursor;
      take(page.tasks, (news) => grid.items.push(...news));
      const oldest = grid.items.at(-1);
      setText(note, grid.items.length === 0 ? (cursor === null ? "No picture has been saved yet." : "Looking further back…")
        : `${count(grid.items.length)} ${grid.items.length === 1 ? "task" : "tasks"}${cursor === null ? "" : " and more"}, back to ${moment(oldest.registered_at)}`);
    } catch (error) {
      setText(note, error.message);
      cursor = error.status === 0 ? cursor : null;
    } finally {
      if (mine === turn) asking = false;
    }
  }

  function begin() {
    turn++;
    known.clear();
    grid.items = [];
    cursor = "";
    asking = false;
    fresh.hidden = true;
    setText(note, "Looking…");
    grid.draw();
    more();
  }

  // A new picture goes in front when that is what is looked at; else a button tells of it.
  const heard = async ({ detail }) => {
    if (!["task.succeeded", "task.images"].includes(detail.type) || until.value) return;
    if (window.scrollY > 200) {
      fresh.hidden = false;
      return;
    }
    const page = await ask({ limit: 20 }).catch(() => null);
    if (page && !closed && !until.value) take(page.tasks, (news) => grid.items.unshift(...news));
  };
  fresh.addEventListener("click", () => {
    window.scrollTo(0, 0);
    begin();
  });
  until.addEventListener("change", begin);
  live.addEventListener("event", heard);
  root.append(
    h("div", { class: "section-head" }, h("h1", null, "Gallery"), h("label", { class: "inline", for: "gallery-until" }, "Up to", until)),
    note, grid.root, fresh);
  begin();
  return {
    close() {
      closed = true;
      grid.close();
      live.removeEventListener("event", heard);
    },
  };
}
