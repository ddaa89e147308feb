// A webhook with every attempt to deliver it.

import { get, post } from "./api.js";
import { actionButton, h, toast } from "./dom.js";
import { ago, moment, taskLink } from "./format.js";

const KINDS = { delivered: "good", dead: "bad", held: "warn", pending: "live" };

/** What came of an attempt, in words. */
function outcome(attempt) {
  if (attempt.fault) return attempt.detail || attempt.fault;
  return [attempt.http_status, attempt.detail].filter(Boolean).join(" ");
}

function attemptRow(attempt) {
  const good = attempt.http_status >= 200 && attempt.http_status < 300 && !attempt.fault;
  return h("li", { class: good ? "good" : "bad" },
    h("span", null, h("strong", null, `${attempt.number}. `), outcome(attempt)),
    h("span", { class: "note" }, `${moment(attempt.started_at)}, ${attempt.timings_ms.total} ms`),
    attempt.answer ? h("pre", { tabindex: "0" }, attempt.answer.slice(0, 2000)) : null);
}

/** Unfolds to the attempts, which are asked for then. */
function attempts(delivery) {
  const list = h("ol", { class: "attempts" });
  const details = h("details", null, h("summary", null, "Attempts", h("span", { class: "hidden" }, ` of webhook ${delivery.id}`)), list);
  details.addEventListener("toggle", async () => {
    if (!details.open) return;
    const whole = await get(`/v1/deliveries/${delivery.id}`).catch((error) => toast(error.message, "bad"));
    if (whole) list.replaceChildren(...(whole.attempts.length ? whole.attempts.map(attemptRow) : [h("li", { class: "note" }, "None yet.")]));
  });
  return details;
}

export async function replay(delivery, changed) {
  await post(`/v1/deliveries/${delivery.id}/replay`);
  toast(`Webhook ${delivery.id} is sent again to ${delivery.endpoint}`);
  await changed();
}

/** `changed` is called after something was done with it; `more` are actions besides. */
export function deliveryItem(delivery, changed, { withTask = false, more = null } = {}) {
  const task = withTask && delivery.task ? { id: delivery.task, gateway: delivery.gateway } : null;
  const waiting = delivery.due && delivery.attempts_made > 0 ? `, next attempt ${moment(delivery.due)}` : "";
  return h("li", { class: "delivery" },
    h("div", { class: "delivery-head" },
      h("span", { class: `chip ${KINDS[delivery.state] ?? "plain"}` }, delivery.state),
      h("strong", null, delivery.type), h("span", null, "to ", delivery.url ?? delivery.endpoint),
      task ? h("a", { href: taskLink(task) }, task.id) : null,
      h("span", { class: "note" }, `made ${ago(delivery.created_at)}${waiting}`)),
    delivery.reason ? h("p", { class: delivery.state === "delivered" ? "note" : "reason" }, delivery.reason) : null,
    attempts(delivery),
    delivery.state === "superseded" ? null : h("p", { class: "actions" },
      actionButton("Replay", () => replay(delivery, changed), { "aria-label": `Replay webhook ${delivery.id}` }), more));
}
