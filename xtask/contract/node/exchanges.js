// Notes each call of the tenant's API that a program makes, without secrets, in the file that EXCHANGES names; with LEDGER
// set, refuses every call that would change what the program did not make.

import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const { EXCHANGES, LEDGER } = process.env;
const NOTED_HEADERS = /^(access-control-|x-ratelimit-|x-sandbox-|content-|cache-control|date|link|retry-after|vary|www-authenticate)/;
const SECRETS = ["access_token", "access_token_secret", "client_secret", "id_token", "last_ip", "ip", "link_with", "password", "refresh_token"];
const REMOVED = "[removed]";

/** The users that this program made, and the ids that it made up for users there are not. */
const own = new Set();

/** Addresses of users that are about to be made. */
const announced = new Set();

/** Notes the address of a user before it is made, so that it can be found whatever happens. */
export function announce(email) {
  announced.add(email);
  if (LEDGER) appendFileSync(LEDGER, `email ${email}\n`);
}

/** Notes the id of a user that was made. */
export function made(id) {
  own.add(id);
  if (LEDGER) appendFileSync(LEDGER, `id ${id}\n`);
}

/** Notes an id that nobody has. */
export function madeUp(id) {
  own.add(id);
}

/** Whether a call leaves everything alone that is not this program's. */
export function isHarmless(method, path, body) {
  if (["GET", "OPTIONS"].includes(method) || path === "/oauth/token" || path === "/api/v2/jobs/users-exports") return true;
  if (path === "/api/v2/users") return announced.has(body?.email);
  const [, id, rest] = /^\/api\/v2\/users\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  if (id === undefined || !own.has(decodeURIComponent(id))) return false;
  if (method !== "POST" || rest !== "/identities") return true;
  // What is linked vanishes as an account of its own.
  const secondary = String(body?.user_id);
  return own.has(secondary) || own.has(`${body?.provider}|${secondary}`);
}

function withoutSecrets(key, value) {
  if (SECRETS.includes(key)) return REMOVED;
  // Whoever has the link to a file has the file.
  if (key === "location" && typeof value === "string") return value.replace(/\?.*/, `?${REMOVED}`);
  return value;
}

/** What may be kept of an answer: of lists that hold other people's things, only what is this program's. */
function kept(path, body) {
  if (LEDGER && /^\/api\/v2\/connections/.test(path) && Array.isArray(body)) {
    return body.map(({ id, name, strategy }) => ({ id, name, strategy }));
  }
  const mine = (entry) => [...own, ...announced].some((text) => JSON.stringify(entry).includes(text));
  return LEDGER && Array.isArray(body) && /^\/api\/v2\/(logs|users)/.test(path) && !path.includes("/identities")
    ? body.filter(mine)
    : body;
}

function note(entry) {
  const [{ path, body }, whole] = [entry, entry];
  const text = JSON.stringify({ ...whole, body: kept(path, body) }, withoutSecrets);
  if (EXCHANGES) appendFileSync(EXCHANGES, text.replaceAll(/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, REMOVED) + "\n");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** When the next call may go out: a run that has used up a limit waits rather than be refused. */
let free = 0;

function paced(headers) {
  const reset = Number(headers.get("x-ratelimit-reset")) * 1000 - Date.parse(headers.get("date"));
  if (LEDGER && headers.get("x-ratelimit-remaining") === "0") free = Date.now() + Math.min(Math.max(reset || 0, 1000), 10_000);
}

const send = globalThis.fetch;

globalThis.fetch = async (target, init = {}) => {
  const url = new URL(target);
  const method = (init.method ?? "GET").toUpperCase();
  const sent = typeof init.body === "string" ? parsed(init.body) : undefined;
  if (LEDGER && !isHarmless(method, url.pathname, sent)) {
    throw new Error(`refused to send ${method} ${url.pathname}: it would touch what this run did not make`);
  }
  if (free > Date.now()) await pause(free - Date.now());
  const answer = await send(target, init);
  paced(answer.headers);
  if (/^\/(api\/v2|oauth)\//.test(url.pathname)) {
    const text = await answer.clone().text();
    note({
      client: "node",
      method,
      path: url.pathname + url.search,
      status: answer.status,
      headers: Object.fromEntries([...answer.headers].filter(([name]) => NOTED_HEADERS.test(name))),
      body: text ? parsed(text) : undefined,
    });
  }
  return answer;
};
