// Small plots in SVG, without a library. Each has its figures in words, too.

import { h, s } from "./dom.js";

const WIDTH = 720, HEIGHT = 230, LEFT = 62, RIGHT = 12, TOP = 14, BOTTOM = 34;
const INNER_W = WIDTH - LEFT - RIGHT, INNER_H = HEIGHT - TOP - BOTTOM;

/** The next round number at or above. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((one) => one >= value * 0.9999);
}

const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

function frame(title, top, format, from, to) {
  const lines = [0, 0.5, 1].map((share) => {
    const y = TOP + INNER_H * (1 - share);
    return [s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }),
      s("text", { class: "label", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, format(top * share))];
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    s("text", { class: share * 2 % 1 ? "label minor" : "label", x: LEFT + INNER_W * share, y: HEIGHT - 6, "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" },
      hour.format(new Date(from + (to - from) * share))));
  return s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title }, lines, times);
}

/** A line broken where nothing was measured; a lone point is a dot. */
function path(points, x, y) {
  let text = "", drawing = false;
  for (const [at, value] of points) {
    if (value === null) {
      drawing = false;
      continue;
    }
    const where = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    text += drawing ? `L${where}` : `M${where}l0 0`;
    if (!drawing) text += `M${where}`;
    drawing = true;
  }
  return text;
}

/**
 * Lines over time. `series`: [{ name, kind, points: [[ms, value or null], …] }]; `format` writes a value; `words`
 * says what there is to see.
 */
export function timeChart({ title, series, format, words, from, to }) {
  const values = series.flatMap((one) => one.points.map(([, value]) => value)).filter((value) => value !== null);
  const top = roundUp(Math.max(...values, 1e-3));
  const x = (at) => LEFT + INNER_W * ((at - from) / Math.max(to - from, 1));
  const y = (value) => TOP + INNER_H * (1 - value / top);
  const svg = frame(`${title}. ${words}`, top, format, from, to);
  for (const { kind, points, area } of series) {
    const line = path(points, x, y);
    if (area && points.length > 1) {
      const inner = points.map(([at, value]) => `L${x(at).toFixed(1)} ${y(value ?? 0).toFixed(1)}`).join("");
      svg.append(s("path", { class: `area ${kind}`, d: `M${x(points[0][0]).toFixed(1)} ${y(0)}${inner}L${x(points.at(-1)[0]).toFixed(1)} ${y(0)}Z` }));
    }
    svg.append(s("path", { class: `line ${kind}`, d: line }));
  }
  const legend = series.length > 1 ? h("ul", { class: "legend", "aria-hidden": "true" }, series.map((one) => h("li", { class: one.kind }, one.name))) : null;
  return h("figure", { class: "card plot" }, h("figcaption", null, h("h3", null, title), h("p", { class: "note" }, words), legend), svg);
}

/** Bars from 0 to the median, and on to where nine of ten are. `rows`: [{ name, median, p90 }], in seconds. */
export function spanChart({ title, rows, format, words }) {
  const longest = Math.max(...rows.flatMap((row) => [row.median, row.p90 ?? row.median]));
  const bar = (name, value) => {
    const element = h("span", { class: name });
    element.style.setProperty("--share", String(value / longest));
    return element;
  };
  return h("figure", { class: "card plot" },
    h("figcaption", null, h("h3", null, title), h("p", { class: "note" }, words)),
    h("dl", { class: "spans" }, rows.map((row) => h("div", null,
      h("dt", null, row.name),
      h("dd", null, h("span", { class: "span-track", "aria-hidden": "true" }, bar("span-p90", row.p90 ?? row.median), bar("span-median", row.median)),
        h("span", { class: "note" }, `half within ${format(row.median)}${row.p90 === null ? "" : `, nine of ten within ${format(row.p90)}`}`))))));
}
