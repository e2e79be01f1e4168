// The end of a job's log, followed while the job is active.

import { get, open, part } from "./api.js";
import { h, put } from "./dom.js";
import { EventParser, readEvents } from "./sse.js";

/** Lines kept: the log itself is at the provider and in the store. */
const LINES_MAX = 2000;

export class LogTail {
  #abort = null;
  #lines = [];
  #drawing = 0;
  #box = h("pre", {
    class: "log", tabindex: 0, role: "log", "aria-label": "Log of the job",
  });
  #note = h("span", { class: "muted" });
  element = h("div", { class: "log-box" },
    h("div", { class: "log-head" }, h("h3", {}, "Log"), this.#note),
    this.#box);

  /** Shows the log of another job. */
  async follow(job) {
    this.stop();
    this.#lines = [];
    this.#draw();
    const abort = new AbortController();
    this.#abort = abort;
    put(this.#note, "reading …");
    try {
      await (job.is_terminal ? this.#read(job) : this.#stream(job, abort));
    } catch (error) {
      if (this.#abort === abort && error.name !== "AbortError")
        put(this.#note, error.message);
    }
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
  }

  focus() {
    this.#box.focus();
    this.#box.scrollIntoView({ block: "nearest" });
  }

  async #read(job) {
    const abort = this.#abort;
    const { logs } = await get(`/api/cloud/jobs/${part(job.job_id)}/logs`);
    if (this.#abort !== abort) return;
    for (const line of (logs ?? "").split("\n")) this.#add(line);
    if (this.#lines.at(-1) === "") this.#lines.pop();
    put(this.#note, this.#lines.length > 0 ? "" : "empty");
  }

  async #stream(job, abort) {
    const response = await open(
      `/api/cloud/jobs/${part(job.job_id)}/logs/stream`, "", abort.signal);
    put(this.#note, "following");
    let over = false;
    await readEvents(response, new EventParser(({ type, data }) => {
      if (this.#abort !== abort) return;
      if (type === "done") over = true;
      else if (type === "message") this.#add(data);
    }));
    if (this.#abort === abort)
      put(this.#note, over ? "ended" : "cut off; open the job again");
  }

  #add(line) {
    this.#lines.push(line);
    if (this.#lines.length > LINES_MAX) this.#lines.shift();
    this.#drawing ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = 0;
    const box = this.#box;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    put(box, this.#lines.join("\n"));
    if (atEnd) box.scrollTop = box.scrollHeight;
  }
}
