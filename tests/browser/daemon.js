// Starts and stops tunerd and its practice provider as processes.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const build = process.env.TUNERD_BUILD ?? "build/dev";

/** @returns a port of loopback that is free now. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** @returns what `look` gives once that is true; fails after `ms`. */
export async function eventually(look, what, ms = 30_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await sleep(50);
  }
}

function start(program, options, env = {}) {
  const child = spawn(join(build, program), options, {
    env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"],
  });
  const said = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece) => {
      said.push(String(piece));
      if (said.length > 2000) said.shift();
    });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  return {
    said: () => said.join(""),
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null)
        child.kill(signal);
      return ended;
    },
  };
}

/** A provider that forgets nothing while tunerd restarts. */
export async function startSimulator({ queueMs = 400, runMs = 4000 } = {}) {
  const port = await freePort();
  const process_ = start("tunerd-simulator", ["--port", String(port),
    "--queue-ms", String(queueMs), "--run-ms", String(runMs)]);
  const url = `http://127.0.0.1:${port}`;
  await eventually(() => fetch(`${url}/simulator/stats`)
    .then((x) => x.ok, () => false), "the simulator answers");
  return { url: `${url}/v1`, stop: process_.stop };
}

/** tunerd on a free port, with a state that outlives its restarts. */
export class Daemon {
  #process = null;
  #state = mkdtempSync(join(tmpdir(), "tunerd-browser-"));

  /**
   * @param options.simulator what startSimulator gave; none: --simulate
   * @param options.tokens [{token, level, user_id}]
   */
  constructor({ simulator = null, tokens = [], limits = {} } = {}) {
    this.simulator = simulator;
    this.limits = limits;
    this.#configure(tokens);
  }

  #configure(tokens) {
    const { simulator, limits } = this;
    this.token = tokens[0]?.token;
    const provider = simulator === null ? {} : { providers: { replicate: {
      base_url: simulator.url, token: "practice", version: "demo/demo:1" } } };
    writeFileSync(this.#file, JSON.stringify({
      background: { job_status_polling: { enabled: true,
        interval_seconds: 1 } },
      tunerd: { ...provider, queue: { user_max_concurrent: 5, ...limits },
        auth: { tokens: tokens.map(({ token, ...rest }) => ({ ...rest,
          sha256: createHash("sha256").update(token).digest("hex") })) } },
    }));
  }

  get #file() {
    return join(this.#state, "settings.json");
  }

  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const simulate = this.simulator === null ? ["--simulate"] : [];
    this.#process = start("tunerd", [...simulate, "--config", this.#file,
      "--listen", `127.0.0.1:${this.port}`, "--state-dir", this.#state],
    { SIMPLETUNER_LOG_FILE: join(this.#state, "tunerd.log"),
      SIMPLETUNER_LOG_LEVEL: "DEBUG" });
    try {
      await eventually(() => fetch(`${this.url}/health/ready`)
        .then((x) => x.ok, () => false), "tunerd is ready");
    } catch (error) {
      throw new Error(`${error.message}\n${this.#process.said()}`);
    }
    return this;
  }

  /** Replaces the tokens while it runs. */
  reload(tokens) {
    this.#configure(tokens);
    void this.#process.stop("SIGHUP"); // which does not stop it
  }

  /** @returns its exit code. */
  stop(signal) {
    return this.#process.stop(signal);
  }

  /** Stops it and removes its state. */
  async end() {
    await this.stop();
    rmSync(this.#state, { recursive: true, force: true });
  }

  async call(method, path, body, headers = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(this.token && { Authorization: `Bearer ${this.token}` }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok)
      throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** @returns the answer to a submission. */
  submit(config_name, more = {}, headers = {}) {
    return this.call("POST", "/api/cloud/jobs/submit?provider=replicate",
      { config_name, input: { steps: 10 }, ...more }, headers);
  }

  /** @returns the job. */
  async job(id) {
    return (await this.call("GET", `/api/cloud/jobs/${id}`)).job;
  }
}
