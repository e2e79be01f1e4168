// Makes webhook_vectors.json: deliveries signed by `standardwebhooks` and by
// `svix`, and forged ones, each with what those and `replicate` say of it.
//
//   npm install --prefix /tmp/vectors standardwebhooks@1 svix@1 replicate@1
//   NODE_PATH=/tmp/vectors/node_modules node tests/data/make_webhook_vectors.mjs
//
// Nothing of it is needed to build or to run: the result is kept here.

import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const standard = require("standardwebhooks");
const svix = require("svix");
const { validateWebhook } = require("replicate");

let state = 20240115n;
function random(below) {
  state = (state * 6364136223846793005n + 1442695040888963407n) % (1n << 64n);
  return Number((state >> 33n) % BigInt(below));
}
const bytes = (n) => Buffer.from(Array.from({ length: n }, () => random(256)));

const bodies = [
  "{}",
  JSON.stringify({ id: "ufawqhfynnddngldkgtslldrkq", status: "succeeded" }),
  JSON.stringify({ id: "gm3qorzdhgbfurvjtvhg6dckhu", logs: "ä→\u0000\"\\\n" }),
  ' { "id" : "x" ,\r\n "status":"failed" } ',
  JSON.stringify({ id: "long", output: "y".repeat(5000) }),
];

const at = 1700000000;

async function judged(vector) {
  const headers = {
    "webhook-id": vector.id,
    "webhook-timestamp": vector.timestamp,
    "webhook-signature": vector.signature,
  };
  const passes = (check) => {
    try {
      check();
      return true;
    } catch {
      return false;
    }
  };
  const says = {
    standardwebhooks: passes(() =>
      new standard.Webhook(vector.secret).verify(vector.body, headers)),
    svix: passes(() => new svix.Webhook(vector.secret).verify(vector.body, headers)),
    replicate: await validateWebhook({ headers, body: vector.body }, vector.secret)
      .catch(() => false),
  };
  return { ...vector, says };
}

// Both compare with the clock.
const real = Date;
globalThis.Date = class extends real {
  constructor(...args) {
    super(...(args.length ? args : [at * 1000]));
  }
  static now() {
    return at * 1000;
  }
};

const vectors = [];
for (let i = 0; i < 40; ++i) {
  const made_by = i % 2 ? "svix" : "standardwebhooks";
  const secret = "whsec_" + bytes(24 + random(41)).toString("base64");
  const id = "msg_" + bytes(15).toString("base64url");
  const timestamp = String(at + random(500) - 250);
  const body = bodies[i % bodies.length];
  const maker = new (i % 2 ? svix : standard).Webhook(secret);
  const genuine = maker.sign(id, new real(timestamp * 1000), body);
  const other = new standard.Webhook(bytes(32).toString("base64"))
    .sign(id, new real(timestamp * 1000), body);
  const add = (what, changes = {}) =>
    vectors.push({ what, made_by, secret, id, timestamp, body, signature: genuine, ...changes });
  add("as it was signed");
  if (i % 4 === 0) add("second in the list", { signature: `${other} ${genuine}` });
  if (i % 4 === 1) add("another key", { signature: other });
  if (i % 4 === 2) add("another body", { body: body + " " });
  if (i % 4 === 3) add("another time", { timestamp: String(Number(timestamp) + 1) });
  if (i % 5 === 0) add("another id", { id: id + "x" });
  if (i % 5 === 1) add("another version", { signature: genuine.replace("v1,", "v2,") });
  if (i % 5 === 2) add("cut", { signature: genuine.slice(0, -2) });
  if (i % 5 === 3) add("one letter", { signature: genuine.replace(/.(?=.{5}$)/, (x) => (x === "A" ? "B" : "A")) });
}
const result = [];
for (const vector of vectors) result.push(await judged(vector));
const versions = Object.fromEntries(["standardwebhooks", "svix", "replicate"].map(
  (name) => [name, require(`${name}/package.json`).version]));
const file = new URL("webhook_vectors.json", import.meta.url);
writeFileSync(file, JSON.stringify({ made_with: versions, now: at, vectors: result }, null, 1) + "\n");
console.log(`${result.length} vectors`);
