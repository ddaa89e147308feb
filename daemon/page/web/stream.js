// The daemon's events as they are committed. After a drop it goes on behind the last one it had.

import { credentials } from "./api.js";

const SILENCE_MS = 40000; // the daemon says something at least every 15 s
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

function parse(block) {
  const event = { id: "", type: "message", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (line.startsWith("id:")) event.id = value;
    if (line.startsWith("event:")) event.type = value;
    if (line.startsWith("data:")) event.data += value;
  }
  return event;
}

/**
 * `path`: which events; `last`: only what came after the event of this number, "0" for all that are kept.
 * `on.event(type, body)`, `on.state("live" | "lost")`, `on.gap()` when events can't be had any more and everything
 * is to be read anew. Pauses while nobody looks, for browsers allow a host six connections in all tabs together.
 */
export class EventFeed {
  #on;
  #path;
  #last;
  #abort = null;
  #tries = 0;
  #timer = 0;
  #stopped = false;
  #turned = false; // let go to follow something else, not lost

  constructor(on, { path = "/v1/events", last = "" } = {}) {
    this.#on = on;
    this.#path = path;
    this.#last = last;
    document.addEventListener("visibilitychange", this.#look);
    window.addEventListener("online", this.#look);
    this.#open();
  }

  /** Other events from now on; none of them is missed in between. */
  follow(path) {
    if (path === this.#path) return;
    this.#path = path;
    this.#turned = this.#abort !== null;
    this.#abort?.abort();
  }

  close() {
    this.#stopped = true;
    document.removeEventListener("visibilitychange", this.#look);
    window.removeEventListener("online", this.#look);
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  #look = () => {
    if (document.hidden) {
      clearTimeout(this.#timer);
      this.#abort?.abort();
    } else if (!this.#abort) {
      this.#tries = 0;
      clearTimeout(this.#timer);
      this.#open();
    }
  };

  async #open() {
    if (this.#abort || this.#stopped || document.hidden) return;
    const abort = (this.#abort = new AbortController());
    let status = 0;
    try {
      const headers = { ...credentials(), accept: "text/event-stream", ...(this.#last && { "last-event-id": this.#last }) };
      const answer = await fetch(this.#path, { headers, signal: abort.signal, cache: "no-store" });
      status = answer.status;
      if (answer.ok) await this.#read(answer.body.getReader(), abort);
    } catch {
      // Lost, or nobody there: tried again below.
    }
    this.#abort = null;
    if (this.#stopped) return;
    if (this.#turned) {
      this.#turned = false;
      return void this.#open();
    }
    if (status === 401) return void window.dispatchEvent(new Event("signed-out"));
    if (status === 410) {
      this.#last = "";
      this.#on.gap();
    }
    if (document.hidden) return;
    this.#on.state("lost");
    this.#timer = setTimeout(() => this.#open(), RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)]);
  }

  async #read(reader, abort) {
    this.#tries = 0;
    this.#on.state("live");
    const text = new TextDecoder();
    let rest = "";
    for (;;) {
      const silence = setTimeout(() => abort.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      const blocks = (rest + text.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) this.#take(parse(block));
    }
  }

  #take({ id, type, data }) {
    if (id) this.#last = id;
    if (!data) return;
    this.#on.event(type, JSON.parse(data));
  }
}
