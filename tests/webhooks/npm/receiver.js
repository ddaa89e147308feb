// A receiver made of other people's packages: each webhook is verified by "standardwebhooks" and by
// "svix", then once more with a byte changed, which both must refuse. One JSON line a request tells.
//
// A v1a signature, which neither package knows, is verified by Node's own Ed25519 with the sender's
// public key, and then once more over another body.
//
//   node receiver.js SECRET_FILE [whpk_…]     run where node_modules is; prints "listening on URL" first
"use strict";

const { readFileSync } = require("node:fs");
const { createPublicKey, verify } = require("node:crypto");
const http = require("node:http");
const { createRequire } = require("node:module");

// The packages are installed in the build folder, from which this is run; this file is not there.
const installed = createRequire(process.cwd() + "/");
const standard = installed("standardwebhooks");
const svix = installed("svix");
const { HTTP } = installed("cloudevents");

const secret = readFileSync(process.argv[2], "utf8").trim();
const receivers = { standardwebhooks: new standard.Webhook(secret), svix: new svix.Webhook(secret) };

function accepted(receiver, body, headers) {
  try {
    return receiver.verify(body, headers) !== undefined;
  } catch (error) {
    return false;
  }
}

/** What each package makes of a request, and of the same one spoilt in each way. */
function judge(headers, body) {
  const verdict = {};
  const spoilt = Buffer.from(body);
  spoilt[spoilt.length >> 1] ^= 1;
  for (const [name, receiver] of Object.entries(receivers)) {
    verdict[name] = {
      good: accepted(receiver, body, headers),
      other_body: accepted(receiver, spoilt.toString(), headers),
      other_id: accepted(receiver, body, { ...headers, "webhook-id": headers["webhook-id"] + "x" }),
      other_time: accepted(receiver, body, {
        ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) }),
      old: accepted(receiver, body, {
        ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 3600) }),
    };
  }
  return verdict;
}

/** Whether one of the signatures is v1a by that key; null when no key was given. */
function asymmetric(headers, body) {
  if (process.argv[3] === undefined) return null;
  const raw = Buffer.from(process.argv[3].replace("whpk_", ""), "base64");
  const prefix = Buffer.from("302a300506032b6570032100", "hex"); // SubjectPublicKeyInfo of an Ed25519 key
  const key = createPublicKey({ key: Buffer.concat([prefix, raw]), format: "der", type: "spki" });
  const message = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return headers["webhook-signature"].split(" ").filter((text) => text.startsWith("v1a,")).some((text) =>
    verify(null, Buffer.from(message), key, Buffer.from(text.slice(4), "base64")));
}

/** The event as the CloudEvents SDK reads it; null for another format. */
function cloudevent(headers, body) {
  if (!String(headers["content-type"]).startsWith("application/cloudevents")) return null;
  const event = HTTP.toEvent({ headers, body });
  event.validate();
  return { id: event.id, source: event.source, type: event.type, subject: event.subject, time: event.time };
}

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece)).on("end", () => {
    const body = Buffer.concat(pieces).toString();
    const verdict = judge(request.headers, body);
    let event = null;
    try {
      event = cloudevent(request.headers, body);
    } catch (error) {
      event = { error: String(error) };
    }
    const good = Object.values(verdict).every((one) => one.good);
    console.log(JSON.stringify({ path: request.url, id: request.headers["webhook-id"], verdict, event,
      v1a: asymmetric(request.headers, body), v1a_spoilt: asymmetric(request.headers, body + " ") }));
    response.writeHead(good ? 204 : 401).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
