// Serves page.html from an origin of its own, clicks in it with headless Chromium, and writes what its reader sees.
// Needs chromedriver; CHROMIUM names the browser.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { control, identities, saw, tenant, token } from "./tenant.js";

const JANE = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const FILES = {
  "/": ["text/html", "page.html"],
  "/page.js": ["text/javascript", "page.js"],
  "/jquery.js": ["text/javascript", "node_modules/jquery/dist/jquery.js"],
};

const pages = createServer(async (request, response) => {
  const [type, file] = FILES[request.url] ?? [];
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": type }).end(await readFile(new URL(file, import.meta.url)));
});
await once(pages.listen(0, "127.0.0.1"), "listening");
const origin = `http://localhost:${pages.address().port}`;

const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
let session;
let clicks = 0;
try {
  const address = await driverAddress();
  session = await open(address);
  await session("POST", "timeouts", { implicit: 20_000 });
  const own = await token({ user_id: JANE, scopes: ["update:current_user_identities"] });
  const settings = new URLSearchParams({ domain: tenant.domain, userId: JANE, token: own });
  await session("POST", "url", { url: `${origin}/#${settings}` });

  saw("a page of an origin that is not allowed", await click("#unlink-google"));
  await control("PUT", "origins", [origin]);
  saw("unlink", await click("#unlink-google"));
  saw("unlink the main identity", await click("#unlink-main"));
  const { users } = await control("GET", "snapshot");
  for (const id of [JANE, "google-oauth2|108357642915403298764"]) {
    saw(`afterwards ${id}`, identities(users.find((user) => user.user_id === id).identities));
  }

  // The tenant's own page. What it says last is in its status line.
  await session("POST", "url", { url: `${tenant.url}/` });
  saw("own page: unlink", await press(`Unlink github|58323117 from ${JANE}`, 2));
  saw("own page: both accounts", [await text(JANE), await text("github|58323117")].join(" / "));
  saw("own page: unlink the main identity", await press(`Unlink ${JANE} from ${JANE}`, 3));
  const picture = await session("GET", "screenshot");
  await writeFile(new URL("page.png", import.meta.url), Buffer.from(picture, "base64"));
  saw("own page: link back", await press(`Link github|58323117 back to ${JANE}`, 4));
} finally {
  await session?.("DELETE", "");
  driver.kill();
  pages.close();
}

async function driverAddress() {
  for await (const line of createInterface({ input: driver.stdout })) {
    const port = /started successfully on port (\d+)/.exec(line)?.[1];
    if (port) return `http://127.0.0.1:${port}`;
  }
  throw new Error("chromedriver ended before it listened");
}

/** Opens a browser; what comes back calls it. */
async function open(address) {
  const call = async (method, path, body) => {
    const answer = await fetch(`${address}/session${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${value.message}`);
    return value;
  };
  // As root, Chromium runs without its own sandbox only. The tenant's authority is nobody's, so it is not checked here.
  const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  const { sessionId } = await call("POST", "", {
    capabilities: {
      alwaysMatch: {
        acceptInsecureCerts: true,
        "goog:chromeOptions": { binary: process.env.CHROMIUM, args },
      },
    },
  });
  return (method, path, body) => call(method, `/${sessionId}${path && `/${path}`}`, body);
}

/** Clicks and waits for the page to say what came of it. */
async function click(selector) {
  clicks += 1;
  await session("POST", `element/${await element(selector)}/click`, {});
  return session("GET", `element/${await element(`output[data-answers="${clicks}"]`)}/text`);
}

async function element(value) {
  const found = await session("POST", "element", { using: "css selector", value });
  return Object.values(found)[0];
}

/** Presses a button of the tenant's page by keyboard, and returns what it says once it has shown itself again. */
async function press(label, shown) {
  const found = await element(`button[aria-label="${label}"]`);
  await session("POST", `element/${found}/value`, { text: "\uE007" });
  await element(`body[data-shown="${shown}"]`);
  return session("GET", `element/${await element("#said")}/text`);
}

/** What the tenant's page shows of a user, in one line. */
async function text(user_id) {
  const found = await session("POST", "element", {
    using: "xpath",
    value: `//ul[@id="users"]/li[code[text()="${user_id}"]]`,
  });
  const shown = await session("GET", `element/${Object.values(found)[0]}/text`);
  return shown.replace(/\s+/g, " ");
}
