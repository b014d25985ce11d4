// One look for each rule of the local tenant's table that can be looked at from outside. What it finds is a choice of the
// rule, or begins with `other: `, `partly: ` or `open: `.

import { setTimeout as pause } from "node:timers/promises";
import { bare, create, hex, nobody } from "./suite.js";
import { stop, tenant } from "./tenant.js";

/** How long a log may be behind before this run gives up on it, in seconds. */
const LOG_PATIENCE = 90;

/** What no run can look at with what it is given. */
const OUT_OF_REACH = {
  "link-own-token-by-id": "needs the token of a login",
  "update-field-scopes": "needs a token with fewer scopes",
  "search-order": "needs a tenant whose users are all known",
  "log-limit": "would have to use up a limit",
  "token-endpoint-429": "would have to use up a limit",
};

export async function* answersOf({ admin, database, token, scopes }) {
  const { users } = admin;
  const log = scopes.includes("read:logs") ? await Log.begin(api) : undefined;
  const limits = new Limits();

  /** A call without a client in between. */
  async function api(method, path, { body, headers, bearer = token } = {}) {
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(`${tenant.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json", ...headers },
        body: body && JSON.stringify(body),
      });
      const text = await answer.text();
      if (answer.status !== 429) return { status: answer.status, headers: answer.headers, body: json(text) };
      if (tries === 100) stop(`${method} ${path} is refused for a limit again and again`);
      limits.reached(answer.headers);
      await pause(waitAfter(answer.headers));
    }
  }

  const path = (id) => `/api/v2/users/${encodeURIComponent(id)}`;
  const make = (name) => create(users, database, name);
  const get = (id) => api("GET", path(id));
  const link = (id, body) => api("POST", `${path(id)}/identities`, { body });
  const unlink = (id, provider, identity, options) =>
    api("DELETE", `${path(id)}/identities/${provider}/${encodeURIComponent(identity)}`, options);
  const update = (id, body) => api("PATCH", path(id), { body });
  const linkTo = (id, other) => link(id, { provider: "auth0", user_id: bare(other) });

  const [main, one, two, three, alone, holder] = [
    await make("rule-main"),
    await make("rule-one"),
    await make("rule-two"),
    await make("rule-three"),
    await make("rule-alone"),
    await make("rule-holder"),
  ];
  const stranger = nobody("rule-nobody");
  for (const { user_id } of [one, two, three]) {
    const { status, body } = await linkTo(main.user_id, user_id);
    if (status !== 201 || !Array.isArray(body)) stop(`this tenant does not link: ${other(status, body)}`);
  }

  // Whether an identity that was asked for is gone; it is linked again.
  const match = async (given) => {
    const { status, body } = await unlink(main.user_id, "auth0", given);
    if (status !== 200 || !Array.isArray(body)) return other(status, body);
    if (body.some((it) => it.user_id === bare(one.user_id))) return "no-match";
    await linkTo(main.user_id, one.user_id);
    return "match";
  };
  const unchanged = ({ status, body }) =>
    status === 404 ? "404" : status === 200 && body.length === 4 ? "unchanged" : other(status, body);

  yield { rule: "unlink-no-match", seen: unchanged(await unlink(main.user_id, "auth0", hex(12))) };
  yield { rule: "unlink-prefixed-id", seen: await match(`${database.name}|${bare(one.user_id)}`) };
  yield { rule: "unlink-auth0-prefix", seen: await match(one.user_id) };
  yield { rule: "unlink-wrong-provider", seen: unchanged(await unlink(main.user_id, "google-oauth2", bare(one.user_id))) };
  yield { rule: "unlink-only-identity", seen: status(await unlink(alone.user_id, "auth0", bare(alone.user_id)), 400) };
  yield { rule: "unlink-unknown-user", seen: status(await unlink(stranger, "auth0", hex(12)), 404) };
  yield { rule: "unknown-provider", seen: accepted(await unlink(main.user_id, "no-such-provider", hex(12))) };
  yield { rule: "removed-provider", seen: accepted(await unlink(main.user_id, "yammer", hex(12))) };
  yield { rule: "main-identity-error-code", seen: code(await unlink(main.user_id, "auth0", bare(main.user_id)), 400) };
  const own = await get(one.user_id);
  yield {
    rule: "secondary-own-id",
    seen: own.status === 200 && own.body.user_id === main.user_id ? "primary" : status(own, 404),
  };

  // Refusals of link.
  yield { rule: "link-error-codes", seen: code(await linkTo(main.user_id, one.user_id), 409) };
  const unknown = await linkTo(main.user_id, stranger);
  yield {
    rule: "link-unknown-secondary",
    seen:
      unknown.status === 400 && /requires a connection/.test(unknown.body.message) ? "by-connection"
      : unknown.status === 400 && /not found/.test(unknown.body.message) ? "not-found"
      : other(unknown.status, unknown.body),
  };
  const held = await make("rule-held");
  await linkTo(holder.user_id, held.user_id);
  const whole = await linkTo(main.user_id, holder.user_id);
  yield { rule: "link-account-with-identities", seen: status(whole, 400, 409) };

  // An identity from the middle is unlinked, with an id to look for in the log.
  const before = (await get(main.user_id)).body;
  const correlation = hex(16);
  const left = await unlink(main.user_id, "auth0", bare(two.user_id), { headers: { "x-correlation-id": correlation } });
  const unlinkedAt = Date.now();
  const after = (await get(main.user_id)).body;
  yield { rule: "updated-at", seen: after.updated_at > before.updated_at ? "now" : `other: ${after.updated_at === before.updated_at ? "not changed" : "set back"}` };
  const order = Array.isArray(left.body) ? left.body.map((it) => it.user_id) : [];
  const kept = before.identities.map((it) => it.user_id).filter((it) => it !== bare(two.user_id));
  yield { rule: "identity-order", seen: order.join() === kept.join() ? "kept" : `other: ${order.join()}` };
  const restored = (await get(two.user_id)).body;
  yield {
    rule: "split-off-attributes",
    seen:
      restored.created_at === undefined ? "absent"
      : restored.created_at === two.created_at ? `other: the date of its first creation, with ${keys(restored)}`
      : Date.parse(restored.created_at) >= Date.parse(two.created_at) ? "dates-of-now"
      : `other: created_at ${restored.created_at}`,
  };

  // Authentication.
  const bad = await api("GET", path(main.user_id), { bearer: forged(token) });
  const challenge = bad.headers.get("www-authenticate");
  yield {
    rule: "token-challenge",
    seen:
      bad.status !== 401 ? other(bad.status, bad.body)
      : challenge === null ? "absent"
      : challenge === `Bearer error="${bad.body.message}"` ? "error"
      : `other: ${challenge}`,
  };
  yield { rule: "malformed-user-id", seen: status(await api("GET", "/api/v2/users/nobody"), 400, 404) };
  yield { rule: "unknown-path", seen: status(await api("GET", "/api/v2/no-such-thing"), 404) };
  const worded = await api("GET", "/api/v2/users?per_page=1000&q=user_id:nobody");
  const wording = /^Query validation error: 'Value 1000 is greater than maximum 100' on property per_page/;
  yield {
    rule: "validation-wording",
    seen: worded.status === 400 && wording.test(worded.body.message) ? "z-schema" : other(worded.status, worded.body),
  };
  const extra = await api("GET", "/api/v2/users?q=user_id:nobody&no_such_parameter=1");
  yield { rule: "unknown-parameter", seen: extra.status === 200 ? "ignored" : status(extra, 400) };

  // Creating and updating.
  const again = { connection: database.name, email: alone.email, password: alone.password, verify_email: false };
  yield { rule: "create-error-codes", seen: code(await api("POST", "/api/v2/users", { body: again }), 409) };
  const both = { email: alone.email, username: hex(4), connection: database.name };
  yield { rule: "update-error-codes", seen: code(await update(alone.user_id, both), 400) };
  const odd = await update(alone.user_id, { no_such_key: 1 });
  yield { rule: "update-unknown-key", seen: odd.status === 200 ? "ignored" : status(odd, 400) };
  yield { rule: "update-foreign-connection", seen: await foreign() };
  const taken = { connection: database.name, email: holder.email };
  yield { rule: "update-taken", seen: status(await update(alone.user_id, taken), 409) };

  async function foreign() {
    const { body } = await api("GET", "/api/v2/connections?fields=name&include_fields=true");
    const connection = body.map((one) => one.name).find((name) => name !== database.name);
    if (!connection) return "open: this tenant has one connection only";
    return status(await update(alone.user_id, { connection, password: alone.password }), 400);
  }

  // Limits.
  yield { rule: "identities-bucket", seen: await bucket() };
  yield { rule: "limited-requests", seen: await counted() };
  yield { rule: "limit-headers-on-429", seen: limits.seen("x-ratelimit-limit") };
  yield { rule: "retry-after-on-429", seen: limits.seen("retry-after") };

  async function bucket() {
    const limit = ({ headers }) => headers.get("x-ratelimit-limit");
    const [linking, writing, listing] = [
      limit(await linkTo(main.user_id, two.user_id)),
      limit(await update(alone.user_id, { user_metadata: { a: 1 } })),
      limit(await api("GET", "/api/v2/connections?fields=name&include_fields=true&strategy=auth0")),
    ];
    await unlink(main.user_id, "auth0", bare(two.user_id));
    if (linking === null) return "open: this tenant tells of no limits";
    if (writing === listing) return `open: one limit of ${writing} for all`;
    if (linking === writing) return "users_write";
    return linking === listing ? "other" : `other: a limit of its own, ${linking}`;
  }

  async function counted() {
    const remaining = async () => Number((await get(alone.user_id)).headers.get("x-ratelimit-remaining") ?? NaN);
    // What came back meanwhile hides what was used, so the most of several tries is what counts; the second read is one.
    let used = -1;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const first = await remaining();
      if (Number.isNaN(first)) return "open: this tenant tells of no limits";
      for (let call = 0; call < 5; call += 1) await api("GET", path(alone.user_id), { bearer: forged(token) });
      used = Math.max(used, first - (await remaining()));
    }
    return used >= 6 ? "all" : used === 1 ? "authenticated" : `open: ${used} of the limit were used by 5 such calls and a read`;
  }

  // Exports: only what the order and the link tell; the file holds other people's data and is not read.
  const nowhere = await api("POST", "/api/v2/jobs/users-exports", { body: { connection_id: "con_0000000000000000" } });
  yield { rule: "export-unknown-connection", seen: status(nowhere, 400) };
  yield { rule: "export-file", seen: await packed() };

  async function packed() {
    const body = { format: "json", limit: 1, connection_id: database.id, fields: [{ name: "user_id" }] };
    const ordered = await api("POST", "/api/v2/jobs/users-exports", { body });
    if (ordered.status !== 200) return other(ordered.status, ordered.body);
    for (let poll = 0; poll < 30; poll += 1) {
      const job = await api("GET", `/api/v2/jobs/${ordered.body.id}`);
      if (job.body.status === "failed") return `open: the job failed`;
      if (job.body.location) {
        const name = new URL(job.body.location).pathname;
        return /\.json\.gz$/.test(name) ? "partly: packed as .json.gz; not read, and not waited for" : `other: ${name.split("/").pop()}`;
      }
      await pause(2000);
    }
    return "open: the job took too long";
  }

  // Web pages: an origin that no application allows.
  const preflight = await fetch(`${tenant.url}${path(main.user_id)}`, {
    method: "OPTIONS",
    headers: {
      origin: "https://unlink-contract.example.com",
      "access-control-request-method": "DELETE",
      "access-control-request-headers": "authorization",
    },
  });
  const allowed = preflight.headers.get("access-control-allow-origin");
  yield {
    rule: "cors",
    seen: allowed === null ? "partly: an origin that is not allowed is not named" : `other: any origin is answered with ${allowed}`,
  };

  // The authentication side.
  const ungranted = await api("POST", "/oauth/token", { body: {} });
  const { error, error_description } = ungranted.body;
  yield {
    rule: "token-endpoint-errors",
    seen:
      ungranted.status === 400 && error === "invalid_request" && error_description === "Missing required parameter: grant_type"
        ? "own-words"
        : `other: ${ungranted.status} ${error}: ${error_description}`,
  };

  yield* logged();

  async function* logged() {
    const rules = ["log-entries", "log-delay", "log-user-deletion", "log-refused-write", "log-checkpoint", "log-paging", "log-error-code"];
    if (!log) {
      for (const rule of rules) yield { rule, seen: "open: the access token lacks read:logs" };
      return;
    }
    await api("DELETE", path(three.user_id));
    await api("DELETE", path(two.user_id));
    const entry = await log.find((it) => it.references?.correlation_id === correlation);
    const seconds = Math.round((Date.now() - unlinkedAt) / 1000);
    if (!entry) {
      yield { rule: "log-entries", seen: `open: no entry of the unlinking within ${LOG_PATIENCE} s` };
      yield { rule: "log-delay", seen: `other: more than ${seconds} s` };
    } else {
      const request = entry.details?.request ?? {};
      const alike = entry.type === "sapi" && entry.description === "Unlink a User Identity" && request.method === "delete" && request.channel === "api";
      yield { rule: "log-entries", seen: alike ? "like-those-recorded" : `other: ${entry.type} ${entry.description}` };
      yield { rule: "log-delay", seen: log.polls === 1 ? "at-once" : `other: up to ${seconds} s` };
    }
    const deleted = await log.find((it) => it.type === "sapi" && it.details?.request?.path?.includes(encodeURIComponent(two.user_id)) && it.details.request.method === "delete");
    const told = await log.find((it) => it.type === "sdu" && it.user_id === two.user_id, deleted ? 1 : 0);
    yield { rule: "log-user-deletion", seen: !deleted ? "open: no entry of a deletion" : told ? "both" : "sapi-only" };
    const refused = await log.find((it) => it.type === "fapi" && JSON.stringify(it).includes(encodeURIComponent(alone.user_id)), 0);
    yield { rule: "log-refused-write", seen: entry ? (refused ? "fapi" : "absent") : "open: the log is behind" };
    const early = await api("GET", `/api/v2/logs?from=900${"0".repeat(53)}&take=1`);
    yield { rule: "log-checkpoint", seen: early.status === 200 ? (early.body.length ? "later-ones" : "other: nothing") : status(early, 400) };
    const beyond = await api("GET", "/api/v2/logs?per_page=100&page=10&fields=log_id");
    yield { rule: "log-paging", seen: beyond.status === 400 ? (beyond.body.errorCode ?? "other: no code") : other(beyond.status, beyond.body) };
    yield { rule: "log-error-code", seen: code(await api("GET", `/api/v2/logs/900${"9".repeat(53)}`), 404) };
  }

  for (const [rule, reason] of Object.entries(OUT_OF_REACH)) yield { rule, seen: `open: ${reason}` };
}

/** The entries of the tenant's log since a run began. */
class Log {
  entries = [];
  polls = 0;

  static async begin(api) {
    const newest = await api("GET", "/api/v2/logs?per_page=1&fields=log_id");
    const log = new Log();
    log.api = api;
    log.from = newest.body[0]?.log_id ?? `900${"0".repeat(53)}`;
    return log;
  }

  /** The first entry that fits; unless there is one already, asks again until patience ends. */
  async find(fits, patience = LOG_PATIENCE) {
    const end = Date.now() + patience * 1000;
    for (;;) {
      const found = this.entries.find(fits);
      if (found) return found;
      const more = await this.more();
      if (!more) {
        if (Date.now() >= end) return undefined;
        await pause(3000);
      }
    }
  }

  async more() {
    const { status, body } = await this.api("GET", `/api/v2/logs?from=${this.from}&take=100`);
    this.polls += 1;
    if (status !== 200 || !body.length) return false;
    this.entries.push(...body);
    this.from = body[body.length - 1].log_id;
    return true;
  }
}

/** What the refusals said that came because a limit was reached. */
class Limits {
  all = [];

  reached(headers) {
    this.all.push(headers);
  }

  seen(header) {
    if (!this.all.length) return "open: no limit was reached";
    const present = this.all.filter((headers) => headers.has(header)).length;
    return present === this.all.length ? "present" : present === 0 ? "absent" : `other: ${present} of ${this.all.length}`;
  }
}

/** How long to wait after a refusal, in milliseconds. */
function waitAfter(headers) {
  const after = Number(headers.get("retry-after") ?? NaN);
  const reset = Number(headers.get("x-ratelimit-reset") ?? NaN) - Date.parse(headers.get("date") ?? "") / 1000;
  const seconds = [after, reset].find((wait) => wait > 0) ?? 1;
  return Math.min(seconds, 60) * 1000;
}

function json(text) {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return { message: text.slice(0, 200) };
  }
}

/** A token like a good one whose signature is not the tenant's. */
function forged(token) {
  const [header, claims] = token.split(".");
  return [header, claims, Buffer.alloc(256).toString("base64url")].join(".");
}

function status(answer, ...known) {
  return known.includes(answer.status) ? String(answer.status) : other(answer.status, answer.body);
}

/** Whether a provider was taken for one that the user has no identity of. */
function accepted(answer) {
  return [200, 404].includes(answer.status) ? "accept" : status(answer, 400);
}

/** The code that comes with a refusal of this status. */
function code(answer, expected) {
  if (answer.status !== expected) return other(answer.status, answer.body);
  return answer.body.errorCode ?? "absent";
}

function keys(object) {
  return Object.keys(object).sort().join(" ");
}

function other(status, body) {
  return `other: ${status} ${body?.errorCode ?? "-"} ${body?.message ?? JSON.stringify(body ?? null)}`;
}
