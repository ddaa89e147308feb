// A task's saved files as they are shown, small and large.

import { actionButton, copy, h, s } from "./dom.js";
import { size, taskPath } from "./format.js";

export const isFilm = (image) => image.content_type.startsWith("video/");

const nameOf = (image) => image.path.slice(image.path.lastIndexOf("/") + 1);

export function altOf(task, n) {
  const many = task.images.length > 1 ? `Picture ${n + 1} of ${task.id}` : `The picture of ${task.id}`;
  return task.task?.prompt ? `${many}: ${task.task.prompt}` : many;
}

export function filmIcon() {
  return s("svg", { class: "film", viewBox: "0 0 24 24", "aria-hidden": "true" },
    s("path", { d: "M4 4h16v16H4zM8 4v16M16 4v16M4 8h4M4 12h4M4 16h4M16 8h4M16 12h4M16 16h4", fill: "none", stroke: "currentcolor", "stroke-width": "1.4" }));
}

/** The whole file, with what can be done with it. */
export function pictureFigure(task, image, n) {
  const source = taskPath(task, `/images/${n}`);
  const shape = { width: image.width || undefined, height: image.height || undefined };
  const facts = [image.width ? `${image.width} × ${image.height}` : null, size(image.bytes), image.content_type].filter(Boolean).join(" · ");
  return h("figure", { class: "card picture" },
    isFilm(image)
      ? h("video", { src: source, controls: true, preload: "metadata", loop: true, "aria-label": altOf(task, n), ...shape })
      : h("a", { href: source, target: "_blank", rel: "noopener" }, h("img", { src: source, alt: altOf(task, n), loading: "lazy", decoding: "async", ...shape })),
    h("figcaption", null, h("span", { class: "note" }, facts),
      h("span", { class: "actions" },
        h("a", { class: "button", href: source, download: nameOf(image) }, "Download"),
        actionButton("Copy path", () => copy(image.path)))));
}
