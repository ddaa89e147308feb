// How times, sizes and states are written.

/** 7 s, 2 min, 3 h, 5 d */
export function span(seconds) {
  const whole = Math.max(0, seconds);
  if (whole < 10) return `${whole < 1 && whole > 0 ? whole.toFixed(1) : Math.round(whole)} s`;
  if (whole < 100) return `${Math.round(whole)} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  if (whole < 172800) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86400)} d`;
}

export const secondsSince = (iso, now = Date.now()) => (now - Date.parse(iso)) / 1000;
export const ago = (iso) => (iso ? `${span(secondsSince(iso))} ago` : "never");

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** 14:02:31 today, else 23 Nov 14:02:31. */
export function moment(iso) {
  if (!iso) return "—";
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return (today ? "" : day.format(date) + ", ") + clock.format(date);
}

export function size(bytes) {
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (bytes < 1000) return `${bytes < 10 && unit !== "B" ? bytes.toFixed(1) : Math.round(bytes)} ${unit}`;
    bytes /= 1000;
  }
  return `${bytes.toFixed(1)} TB`;
}

export const count = (n) => n.toLocaleString();
export const percent = (share) => `${Math.round(share * 100)} %`;

export const taskKey = (task) => `${task.gateway}/${task.id}`;
export const taskLink = (task) => `#/task/${encodeURIComponent(task.gateway)}/${encodeURIComponent(task.id)}`;
export const taskPath = (task, tail = "") =>
  `/v1/tasks/${encodeURIComponent(task.id)}${tail}?gateway=${encodeURIComponent(task.gateway)}`;

/** A task's state in one word, and the colour that goes with it. */
export function taskState(task) {
  if (task.ending === "succeeded") return task.image_error ? ["no picture", "warn"] : ["succeeded", "good"];
  if (task.ending) return [task.ending, task.ending === "cancelled" ? "plain" : "bad"];
  if (task.phase === "saving") return ["saving", "live"];
  if (task.stalled) return ["stalled", "warn"];
  const words = { NOT_START: "queued", SUBMITTED: "submitted", MODAL: "needs an answer", IN_PROGRESS: "running", UNKNOWN: "not seen yet" };
  return [words[task.status] ?? task.status.toLowerCase(), task.status === "MODAL" ? "warn" : "live"];
}

/**
 * When a task is expected to end, by what its gateway's schedule has learned: from submission, half of its kind end
 * within median_s, nine of ten within p90_s.
 */
export function expectation(task, gateways, now = Date.now()) {
  const gateway = gateways.find((one) => one.name === task.gateway);
  // Tasks that were registered without an action are learned of together, under none.
  const of = (action) => gateway?.expects.find((one) => one.action === action);
  const belief = of(task.action) ?? of("");
  if (!belief || belief.median_s === null || task.phase === "saving") return "";
  const age = secondsSince(task.submitted_at ?? task.registered_at, now);
  if (age < belief.median_s) return `done in about ${span(belief.median_s - age)}`;
  if (belief.p90_s !== null && age < belief.p90_s) return `very likely done within ${span(belief.p90_s - age)}`;
  return "taking longer than usual";
}
