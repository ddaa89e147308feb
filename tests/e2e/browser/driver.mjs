// driver.mjs: a browser steered over its standard input. Each line is {"code": the body of an async function of
// (page, tools)}; each is answered by a line {"value"} or {"error"}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const AsyncFunction = (async () => {}).constructor;
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"], // run by root, in containers
});

const tools = { browser, problems: [], requests: [], page: null };

// Bytes by address. A view is what each address brings at first: on a slow machine it is read again before a test
// looks, and events go on as long as it is open.
const brought = new Map();
tools.transferred = () => [...brought.values()].reduce((sum, { bytes }) => sum + bytes, 0);
tools.forgetTransferred = () => brought.clear();

function countBytes(devtools) {
  const counted = new Map(); // by request
  devtools.on("Network.responseReceived", ({ requestId, response }) => {
    if (response.mimeType === "text/event-stream" || brought.has(response.url)) return;
    const of = { bytes: response.encodedDataLength };
    brought.set(response.url, of);
    counted.set(requestId, of);
  });
  devtools.on("Network.dataReceived", ({ requestId, encodedDataLength }) => {
    const of = counted.get(requestId);
    if (of) of.bytes += encodedDataLength;
  });
}

/** A fresh browser profile with one page, everything that goes wrong in it kept. */
tools.open = async (options = {}) => {
  await tools.page?.context().close();
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: "light", ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = (tools.page = await context.newPage());
  page.setDefaultTimeout(20000 * Number(process.env.PATIENCE ?? 1));
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      window.violations.push(event.violatedDirective);
      console.error(`Content-Security-Policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  page.on("pageerror", (error) => tools.problems.push(`error: ${error.stack}`));
  page.on("console", (message) => {
    // What the daemon refuses, and a daemon that is away, are shown by the page itself.
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text())) tools.problems.push(message.text());
  });
  page.on("request", (request) => tools.requests.push(request.url()));
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  countBytes(devtools);
  return page;
};

/** What axe-core objects to, of the page as it is. */
tools.axe = async () => {
  await tools.page.evaluate(axeSource);
  const found = await tools.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html + " " + node.failureSummary).join(" | ")}`);
};

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const value = await new AsyncFunction("page", "tools", JSON.parse(line).code)(tools.page, tools);
    console.log(JSON.stringify({ value: value ?? null }));
  } catch (error) {
    const shown = await tools.page?.evaluate(() => document.body.innerText).catch(() => "");
    console.log(JSON.stringify({ error: [error.stack ?? error, ...tools.problems, "The page shows:", shown].join("\n") }));
  }
}
await browser.close();
