// Serves page.html from an origin of its own, clicks in it with headless Chromium, then uses the tenant's own page by mouse
// and by keyboard, and writes what its reader sees. Needs chromedriver; CHROMIUM names the browser.

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
// As root, Chromium runs without its own sandbox only; and it is to talk to nobody but the tenant.
const SWITCHES = [
  "headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run", "disable-background-networking",
  "disable-component-update", "disable-sync", "window-size=1200,1500",
];
const [ENTER, TAB] = ["\uE007", "\uE004"];

const pages = createServer(async (request, response) => {
  const [type, file] = FILES[request.url] ?? [];
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": type }).end(await readFile(new URL(file, import.meta.url)));
});
await once(pages.listen(0, "127.0.0.1"), "listening");
const origin = `http://localhost:${pages.address().port}`;

const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
let session;
try {
  session = await open(await driverAddress());
  await session("POST", "timeouts", { implicit: 20_000 });
  await guide();
  await ownPage();
} finally {
  await session?.("DELETE", "");
  driver.kill();
  pages.close();
}

/** The way of Auth0's guide, from another origin. */
async function guide() {
  const own = await token({ user_id: JANE, scopes: ["update:current_user_identities"] });
  await logIn(own);
  saw("a page of an origin that is not allowed", await click("#unlink-google"));
  await control("PUT", "origins", [origin]);
  // The guide's first sample still sends an ID token, which has long been refused.
  await logIn(await token({ user_id: JANE, id_token: true }));
  saw("with an ID token", (await click("#unlink-google")).replaceAll(/"Bad audience: [^"]*"/g, '"Bad audience: ..."'));
  await logIn(own);
  saw("unlink", await click("#unlink-google"));
  saw("unlink the main identity", await click("#unlink-main"));
  const { users } = await control("GET", "snapshot");
  for (const id of [JANE, "google-oauth2|108357642915403298764"]) {
    saw(`afterwards ${id}`, identities(users.find((user) => user.user_id === id).identities));
  }
}

async function logIn(access_token) {
  const settings = new URLSearchParams({ domain: tenant.domain, user_id: JANE, access_token });
  await session("POST", "url", { url: "about:blank" });
  await session("POST", "url", { url: `${origin}/#${settings}` });
}

/** The tenant's own page. What it says last is in its status line. */
async function ownPage() {
  await control("POST", "faults", { kind: { delay: { ms: 1 } }, method: "PATCH", times: 3 });
  await session("POST", "url", { url: `${tenant.url}/` });
  await shown(1);
  const label = `Unlink github|58323117 from ${JANE}`;
  await session("POST", `element/${await element(`button[aria-label="${label}"]`)}/click`, {});
  saw("own page: unlink by click", await said(2));
  saw("own page: the keyboard is then on", await focused());
  saw("own page: both accounts", [await text(JANE), await text("github|58323117")].join(" / "));
  const refused = await element(`button[aria-label="Unlink ${JANE} from ${JANE}"]`);
  await session("POST", `element/${refused}/click`, {});
  saw("own page: an error", await said(3));
  saw("own page: the keyboard is still on", await focused());
  await picture("light");
  await scheme("dark");
  await picture("dark");
  await session("POST", "window/rect", { width: 420, height: 1500 });
  await picture("narrow");
  await session("POST", "window/rect", { width: 1200, height: 1500 });
  saw("own page: link back by keyboard", await press(`Link github|58323117 back to ${JANE}`, 4));
  saw("own page: the keyboard is then on", await focused());
  await session("POST", `element/${await element("#filter")}/value`, { text: "omar" });
  saw("own page: filter", await session("GET", `element/${await element("#count")}/text`));
  const entries = await session("POST", "execute/sync", {
    script: "return [...document.querySelectorAll('#effects li')].slice(0, 3).map((it) => it.innerText.slice(9))", args: [],
  });
  saw("own page: what changed", entries.join(" / "));
  saw("own page: faults", await session("GET", `element/${await element("#faults li")}/text`));
  // The change is made, and its answer breaks off: on one that does not even begin, a browser may send the call again.
  await control("POST", "faults", { kind: { truncate: { after: 5 } }, method: "DELETE", times: 1 });
  const saml = "samlp|example-saml|omar@example.com";
  const lost = await element(`button[aria-label^="Unlink ${saml} from "]`);
  await session("POST", `element/${lost}/click`, {});
  saw("own page: a lost answer", await said(5));
  await session("POST", `element/${await element("#filter")}/clear`, {});
  saw("own page: what became of it", await text(saml));
}

async function driverAddress() {
  for await (const line of createInterface({ input: driver.stdout })) {
    const port = /started successfully on port (\d+)/.exec(line)?.[1];
    if (port) return `http://127.0.0.1:${port}`;
  }
  throw new Error("chromedriver ended before it listened");
}

/** Opens a browser with a profile of its own; what comes back calls it. */
async function open(address) {
  const call = async (method, path, body) => {
    const answer = await fetch(`${address}/session${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${value.message}`);
    return value;
  };
  const { sessionId } = await call("POST", "", {
    capabilities: {
      alwaysMatch: {
        // The tenant's authority is nobody's, so it is not checked here.
        acceptInsecureCerts: true,
        unhandledPromptBehavior: "ignore",
        "goog:chromeOptions": { binary: process.env.CHROMIUM, args: SWITCHES.map((name) => `--${name}`) },
      },
    },
  });
  return (method, path, body) => call(method, `/${sessionId}${path && `/${path}`}`, body);
}

async function element(value) {
  const found = await session("POST", "element", { using: "css selector", value });
  return Object.values(found)[0];
}

/** Clicks and waits for the alert that says what came of it. */
async function click(selector) {
  await session("POST", `element/${await element(selector)}/click`, {});
  for (let tries = 0; ; tries += 1) {
    try {
      const text = await session("GET", "alert/text");
      await session("POST", "alert/accept", {});
      return text;
    } catch (error) {
      if (tries === 200 || !/no such alert/.test(error.message)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Waits until the tenant's page has shown itself so often. */
function shown(times) {
  return element(`body[data-shown="${times}"]`);
}

/** What it says once it has shown itself so often; it has to be in sight, wherever the page was scrolled to. */
async function said(times) {
  await shown(times);
  const status = await element("#said");
  const inSight = await session("POST", "execute/sync", {
    script: `const { top, bottom, height } = document.getElementById("said").getBoundingClientRect();
      return height > 0 && top >= 0 && bottom <= innerHeight;`,
    args: [],
  });
  if (!inSight) throw new Error("what it says is not to be seen");
  return session("GET", `element/${status}/text`);
}

/** What the keyboard is on. */
async function focused() {
  const active = Object.values(await session("GET", "element/active"))[0];
  return session("GET", `element/${active}/attribute/aria-label`);
}

/** Goes to a button with the Tab key alone and presses it. */
async function press(label, times) {
  for (let steps = 0; steps < 50; steps += 1) {
    await keys(TAB);
    if ((await focused()) === label) {
      await keys(ENTER);
      return said(times);
    }
  }
  throw new Error(`the Tab key does not lead to ${label}`);
}

async function keys(key) {
  const actions = [{ type: "keyDown", value: key }, { type: "keyUp", value: key }];
  await session("POST", "actions", { actions: [{ type: "key", id: "keyboard", actions }] });
}

async function scheme(value) {
  const params = { features: [{ name: "prefers-color-scheme", value }] };
  await session("POST", "goog/cdp/execute", { cmd: "Emulation.setEmulatedMedia", params });
}

/** Keeps a picture, and demands that every text stands out from what is behind it. */
async function picture(name) {
  await writeFile(new URL(`../page-${name}.png`, import.meta.url), Buffer.from(await session("GET", "screenshot"), "base64"));
  const pale = await session("POST", "execute/sync", { script: `return (${paleTexts})()`, args: [] });
  saw(`own page: texts hard to read, ${name}`, pale.length ? pale.join("; ") : "none");
}

/** Runs in the page: texts whose contrast is below 4.5 to 1 (WCAG 2, AA). */
function paleTexts() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [red, green, blue] = channels(color).map((it) => (it / 255 <= 0.03928 ? it / 255 / 12.92 : ((it / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.querySelectorAll("body *")].filter((node) =>
    [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()) && node.checkVisibility());
  return texts
    .map((node) => [node, [light(getComputedStyle(node).color), light(behind(node))].sort().reverse()])
    .filter(([, [more, less]]) => (more + 0.05) / (less + 0.05) < 4.5)
    .map(([node]) => node.textContent.slice(0, 40));
}

/** What the tenant's page shows of a user, in one line. */
async function text(user_id) {
  const shown = await session("GET", `element/${await element(`li[data-user="${user_id}"]`)}/text`);
  return shown.replace(/\s+/g, " ");
}
