// The last day: how soon ends were noticed and at what cost; and how long tasks take.

import { get } from "./api.js";
import { spanChart, timeChart } from "./chart.js";
import { h, tell } from "./dom.js";
import { count, span } from "./format.js";

const EVERY_MS = 60000;
const MOST_POINTS = 240;

/** Minutes put together, so that a plot has no more points than can be seen. */
function gather(gateway, minutes) {
  const { at, calls, failed_calls: failed, ends, delay_mean_s: mean, delay_p95_s: p95 } = gateway;
  const out = [];
  for (let i = 0; i < at.length; i += minutes) {
    const one = { at: at[Math.min(i + minutes, at.length) - 1], calls: 0, failed: 0, ends: 0, sum: 0, p95: null, minutes: 0 };
    for (let j = i; j < Math.min(i + minutes, at.length); ++j) {
      one.calls += calls[j];
      one.failed += failed[j];
      one.ends += ends[j];
      one.sum += ends[j] ? mean[j] * ends[j] : 0;
      if (ends[j]) one.p95 = Math.max(one.p95 ?? 0, p95[j]);
      one.minutes++;
    }
    out.push(one);
  }
  return out;
}

function plotsOf(gateway) {
  const minutes = Math.max(1, Math.ceil(gateway.at.length / MOST_POINTS));
  const points = gather(gateway, minutes);
  const [from, to] = [points[0].at, points.at(-1).at];
  const sum = (key) => points.reduce((total, one) => total + one[key], 0);
  const ends = sum("ends"), calls = sum("calls"), failed = sum("failed");
  const series = (name, kind, value, area) => ({ name, kind, area, points: points.map((one) => [one.at, value(one)]) });
  const plots = [timeChart({
    title: "Calls a minute", from, to, format: (value) => (value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value))),
    words: `${count(calls)} calls, ${count(failed)} of them failed.`,
    series: [series("calls", "main", (one) => one.calls / one.minutes, true), ...(failed ? [series("failed", "bad", (one) => one.failed / one.minutes)] : [])],
  })];
  const delay = ends === 0
    ? h("p", { class: "empty" }, "No end was noticed in this time.")
    : timeChart({
      title: "Detection delay", from, to, format: span,
      words: `From a task's end until it was noticed: ${span(sum("sum") / ends)} in the mean of ${count(ends)} ends.`,
      series: [series("mean", "main", (one) => (one.ends ? one.sum / one.ends : null)), series("95 of 100", "soft", (one) => one.p95)],
    });
  return [delay, ...plots];
}

function durationsOf(gateway) {
  const rows = gateway.expects.filter((one) => one.median_s !== null)
    .map((one) => ({ name: one.action || "registered without an action", median: one.median_s, p90: one.p90_s })).sort((a, b) => a.median - b.median);
  if (rows.length === 0) return null;
  return spanChart({ title: "Durations by action", rows, format: span, words: "From submission to end, as the schedule has learned it." });
}

export function view(root) {
  let closed = false;
  const body = h("div", { class: "plots" });
  root.append(h("h1", null, "Plots"), body);

  async function read() {
    const [history, { gateways }] = await Promise.all([get("/v1/history"), get("/v1/gateways")]);
    if (closed) return;
    const parts = gateways.map((gateway) => {
      const past = history.gateways.find((one) => one.name === gateway.name);
      const id = `plots-${gateway.name}`;
      return h("section", { "aria-labelledby": id }, h("h2", { id }, gateway.name),
        past?.at.length ? plotsOf(past) : h("p", { class: "empty" }, "The first minute is not over yet: plots begin with the daemon's start."),
        durationsOf(gateway));
    });
    body.replaceChildren(h("p", { class: "note" }, "The last day, since the daemon's start; kept in memory only."), ...parts);
  }

  const again = () => read().catch(tell);
  const timer = setInterval(() => !document.hidden && again(), EVERY_MS);
  again();
  return {
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}
