// What every view looks at: live tasks, gateways, endpoints and the daemon, kept up to date by its events.

import { get } from "./api.js";
import { tell } from "./dom.js";
import { taskKey } from "./format.js";
import { EventFeed } from "./stream.js";

// Events come in crowds: one reading for all of them, at once after a silence, else not more often than that.
const SOON_MS = 250, CROWD_MS = 1500;
const SLOW_MS = 5000; // budgets and queues move without an event

const CROWD = 1000;
const WITHOUT_PROGRESS = "/v1/events?type=" + ["started", "modal", "images", "succeeded", "failed", "cancelled", "stalled", "expired", "lost"]
  .map((type) => `task.${type}`).join();

export const LIVE_LIMIT = 60; // more are no view; the page says how many there are

export class Live extends EventTarget {
  tasks = new Map(); // live ones, newest first
  gateways = [];
  endpoints = [];
  status = null;
  connection = "connecting";
  #feed = null;
  #soon = 0;
  #slow = 0;
  #last = 0; // when it was read
  #reading = false;
  #again = false;

  start() {
    if (this.#feed) return;
    this.read();
    this.#feed = new EventFeed({
      event: (type, body) => this.#heard(type, body),
      state: (state) => this.#connected(state),
      gap: () => this.read(),
    });
    this.#slow = setInterval(() => !document.hidden && this.connection === "live" && this.read(), SLOW_MS);
  }

  stop() {
    this.#feed?.close();
    this.#feed = null;
    clearInterval(this.#slow);
    clearTimeout(this.#soon);
    this.#soon = 0;
  }

  /** Reads everything anew. What is asked while it reads is read once more afterwards. */
  async read() {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    this.#last = Date.now();
    try {
      const [tasks, gateways, endpoints, status] = await Promise.all([
        get(`/v1/tasks?active=true&brief=true&limit=${LIVE_LIMIT}`),
        get("/v1/gateways"),
        get("/v1/endpoints"),
        get("/v1/status"),
      ]);
      this.tasks = new Map(tasks.tasks.map((task) => [taskKey(task), task]));
      this.gateways = gateways.gateways;
      this.endpoints = endpoints.endpoints;
      this.status = status;
      // Every look at thousands of tasks would be more than a page can take: then it reads now and then instead.
      this.#feed?.follow(status.tasks.watching > CROWD ? WITHOUT_PROGRESS : "/v1/events");
      this.#tell("change");
    } catch (error) {
      if (error.status === 0) this.#connected("lost");
      else if (error.status !== 401) tell(error);
    } finally {
      this.#reading = false;
      if (this.#again) {
        this.#again = false;
        this.readSoon();
      }
    }
  }

  readSoon() {
    if (this.#soon) return;
    const wait = Math.max(SOON_MS, this.#last + CROWD_MS - Date.now());
    this.#soon = setTimeout(() => {
      this.#soon = 0;
      this.read();
    }, wait);
  }

  #connected(state) {
    if (state === "live") this.readSoon(); // what changed without an event, or before the first one
    if (state === this.connection) return;
    this.connection = state;
    this.#tell("connection");
  }

  #heard(type, body) {
    const { data } = body;
    this.dispatchEvent(new CustomEvent("event", { detail: { type, ...body } }));
    const task = data && this.tasks.get(taskKey(data));
    if (task && type === "task.progress") {
      const progress = parseInt(data.task?.progress, 10);
      Object.assign(task, { status: data.status, stalled: false, changed_at: body.timestamp });
      if (Number.isFinite(progress)) task.progress = progress;
      this.#tell("progress");
      return;
    }
    this.readSoon();
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}

export const live = new Live();
