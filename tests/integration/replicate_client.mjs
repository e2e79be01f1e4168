// Replicate's own client against tunerd-simulator: create, get, list, cancel,
// account, webhook secret, and a webhook that its `validateWebhook` accepts.
// Started by replicate_client.sh. Argument: the simulator.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import http from "node:http";

const require = createRequire(import.meta.url);
const Replicate = require("replicate");

const simulator = spawn(process.argv[2],
  ["--port", "0", "--seed", "7", "--queue-ms", "100", "--run-ms", "300"],
  { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => simulator.kill());

const baseUrl = await new Promise((resolve, reject) => {
  let text = "";
  simulator.stdout.on("data", (chunk) => {
    text += chunk;
    const found = /listening on (\S+)/.exec(text);
    if (found) resolve(found[1]);
  });
  simulator.on("exit", () => reject(new Error("the simulator ended: " + text)));
});

const deliveries = [];
let told;
const ended = new Promise((resolve) => (told = resolve));
const hook = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    deliveries.push({ headers: request.headers, body });
    // The last event is refused once, so it has to come again.
    response.statusCode = deliveries.length === 2 ? 503 : 200;
    response.end();
    if (deliveries.length === 3) told();
  });
});
await new Promise((resolve) => hook.listen(0, "127.0.0.1", resolve));

const replicate = new Replicate({ auth: "r8_x", baseUrl });
const options = { version: "owner/model:5f2", input: { steps: 7 } };

const made = await replicate.predictions.create({
  ...options,
  webhook: `http://127.0.0.1:${hook.address().port}/hook`,
  webhook_events_filter: ["start", "completed"],
});
assert.equal(made.status, "starting");
assert.equal(made.version, "5f2");

const other = await replicate.predictions.create(
  { ...options, input: { simulate: { run_ms: 60000 } } });
const cancelled = await replicate.predictions.cancel(other.id);
assert.equal(cancelled.status, "canceled");

const over = await replicate.wait(made, { interval: 50 });
assert.equal(over.status, "succeeded");
assert.deepEqual(over.input, { steps: 7 });
assert.equal((await replicate.predictions.get(made.id)).id, made.id);

const ids = [];
for await (const page of replicate.paginate(replicate.predictions.list))
  ids.push(...page.map((x) => x.id));
assert.deepEqual(ids, [other.id, made.id]);

await assert.rejects(replicate.predictions.get("nobody"), /404/);
assert.equal((await replicate.accounts.current()).username, "simulator");

const secret = await replicate.webhooks.default.secret.get();
await ended;
for (const { headers, body } of deliveries) {
  assert.equal(await Replicate.validateWebhook({ headers, body }, secret.key), true);
  assert.equal(await Replicate.validateWebhook({ headers, body: body + " " }, secret.key), false);
}
assert.deepEqual(deliveries.map((x) => JSON.parse(x.body).status),
  ["processing", "succeeded", "succeeded"]);
assert.equal(deliveries[1].headers["webhook-id"], deliveries[2].headers["webhook-id"]);

hook.close();
simulator.removeAllListeners("exit");
console.log("replicate's client and the simulator understand each other");
process.exit(0);
