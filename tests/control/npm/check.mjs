// check.mjs OPENAPI.json < EXCHANGES: validates the description by another people's validator, then each
// exchange (a JSON line: method, target, status, type, body) against it. Prints {"problems":[…],"covered":[…]}.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
const problems = new Set();
const covered = new Set();

const verdict = await new Validator().validate(structuredClone(document));
if (!verdict.valid) problems.add("the description is no OpenAPI 3.1: " + JSON.stringify(verdict.errors));

const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
addFormats(ajv);
ajv.addSchema(document, "openapi");

// Literal segments go before names, as in the server.
const paths = Object.keys(document.paths).map((path) => ({
  path, names: (path.match(/\{/g) ?? []).length,
  pattern: new RegExp("^" + path.replaceAll(".", "\\.").replace(/\{[^}]*\}/g, "[^/]+") + "$"),
})).sort((a, b) => a.names - b.names);

const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
const resolved = (node, at) => (node.$ref ? [document.components.responses[node.$ref.split("/").pop()], node.$ref.slice(2)] : [node, at]);

function validate(at, value, what) {
  const check = ajv.getSchema("openapi#/" + at) ?? ajv.compile({ $ref: "openapi#/" + at });
  if (!check(value)) problems.add(`${what}: ${ajv.errorsText(check.errors)}: ${JSON.stringify(value).slice(0, 300)}`);
}

function look({ method, target, status, type, body }) {
  const path = target.split("?")[0];
  const verb = method === "HEAD" ? "get" : method.toLowerCase();
  const fits = paths.filter((one) => one.pattern.test(path));
  const found = fits.find((one) => document.paths[one.path][verb]);
  const kind = type.split(";")[0].trim();
  const what = `${method} ${target} answered ${status}`;
  if (!found) {  // no such path or method: a problem all the same
    if (status < 400) problems.add(what + ", but is not described");
    else if (kind === "application/problem+json" && body) validate("components/schemas/Problem", JSON.parse(body), what);
    return;
  }
  const from = `paths/${escaped(found.path)}/${verb}/responses/${status}`;
  const node = document.paths[found.path][verb].responses[status];
  if (!node) return void problems.add(what + `, which ${found.path} does not describe`);
  covered.add(`${verb.toUpperCase()} ${found.path} ${status}`);
  const [response, at] = resolved(node, from);
  const content = response.content ?? {};
  if (!body) return;
  const described = content[kind] ? kind : content["*/*"] ? "*/*" : undefined;
  if (!described) return void problems.add(what + ` with ${kind}, which is not described`);
  if (kind.endsWith("json") && described === kind) validate(`${at}/content/${escaped(kind)}/schema`, JSON.parse(body), what);
  if (kind === "application/x-ndjson") {
    for (const line of body.split("\n").filter((text) => text.trim())) {
      validate(`${at}/content/${escaped(kind)}/schema`, JSON.parse(line), what);
    }
  }
}

let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (!line) continue;
  ++count;
  const exchange = JSON.parse(line);
  try {
    look(exchange);
  } catch (error) {
    problems.add(`${exchange.method} ${exchange.target}: ${error}`);
  }
}
const all = Object.entries(document.paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`));
console.log(JSON.stringify({ count, problems: [...problems].slice(0, 30), covered: [...covered], operations: all }));
