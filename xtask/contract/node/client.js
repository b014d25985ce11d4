// Drives the official Node client against the local tenant in TENANT, and writes a line for each thing it saw.

import "./exchanges.js";
import { gunzipSync } from "node:zlib";
import { ManagementClient } from "auth0";
import { findDatabase, suite } from "./suite.js";
import { control, nothing, saw, step, tenant, token, user } from "./tenant.js";

const JANE = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const GOOGLE = "108357642915403298764";
const OMAR = "google-oauth2|104718263549180237456";
const SAML = "samlp|example-saml|jane@example.com";
const SMS = "sms|63e4c1a9f2b7405d8c6e9130";

const withToken = (text) => new ManagementClient({ domain: tenant.domain, token: text, maxRetries: 0 });
const own = async (user_id) =>
  withToken(await token({ user_id, scopes: ["read:current_user", "update:current_user_identities"] }));

// By client credentials: the client fetches its own token.
const admin = new ManagementClient({
  domain: tenant.domain,
  clientId: tenant.client_id,
  clientSecret: tenant.client_secret,
  maxRetries: 0,
});
const { users, connections } = admin;

await step("list", () => users.get(JANE), user);
await step("unlink", () => users.identities.delete(JANE, "google-oauth2", GOOGLE));
await step("the account it became", () => users.get(`google-oauth2|${GOOGLE}`), user);
await step("link by provider and id", () => users.identities.link(JANE, { provider: "google-oauth2", user_id: GOOGLE }));
await step("unlink an integer id", () => users.identities.delete(JANE, "github", "58323117"));
await step("link an integer id", () => users.identities.link(JANE, { provider: "github", user_id: 58323117 }));
await step("unlink from an id with an inner pipe", () =>
  users.identities.delete(SAML, "google-oauth2", "113920485517620394415"));
await step("unlink an id with an inner pipe", () =>
  users.identities.delete(OMAR, "samlp", "example-saml|omar@example.com"));

// Search, export and log.
const found = await users.list({ q: 'identities.connection:"github"', search_engine: "v3" });
saw("search", found.data.map((one) => one.user_id).join(", "));
const ordered = await step("export", () => admin.jobs.usersExports.create({ format: "json" }), (job) => job.status);
const job = await step("poll", () => admin.jobs.get(ordered.id), ({ status }) => status);
const file = await (await fetch(job.location)).arrayBuffer();
saw("download", `${gunzipSync(file).toString().trimEnd().split("\n").length} users`);
const correlated = { headers: { "X-Correlation-ID": "contract" } };
await step("unlink with a correlation id", () => users.identities.delete(JANE, "github", "1", correlated));
const newest = (await admin.logs.list({ per_page: 1 })).data[0];
saw("log", `${newest.type} ${newest.description}, ${newest.references.correlation_id}`);
await step("log entry", () => admin.logs.get(newest.log_id), ({ type }) => type);
// Neither official client knows checkpoints, so the address is this program's.
const later = await fetch(`${tenant.url}/api/v2/logs?from=${newest.log_id}&take=5`, {
  headers: { authorization: `Bearer ${tenant.token}` },
});
saw("log after it", (await later.json()).length);

await suite(admin, await findDatabase(connections));

// What needs tokens that only a login would give.
const kim = await step("create", () => users.create({
  connection: "Username-Password-Authentication", email: "kim@example.com", password: "a-Long-passphrase-1",
}), user);
const [, id] = kim.user_id.split("|");
const kims = await token({ user_id: kim.user_id, id_token: true });
await step("link by an ID token", () => users.identities.link(JANE, { link_with: kims }));
await step("unlink it again", () => users.identities.delete(JANE, "auth0", id));
const jane = await own(JANE);
await step("own: list", () => jane.users.get(JANE), user);
await step("own: link by an ID token", () => jane.users.identities.link(JANE, { link_with: kims }));
await step("own: unlink", () => jane.users.identities.delete(JANE, "auth0", id));
await step("own: another user", () => jane.users.identities.delete(OMAR, "sms", "63ea2f51c07d4be8a9f31026"), nothing);

// Refusals.
await step("unlink from an unknown user", () => users.identities.delete("auth0|none", "google-oauth2", "1"));
await step("unlink with a hostile id", () => users.identities.delete(`${JANE}#`, "google-oauth2", GOOGLE));
await step("link what nobody has", () => users.identities.link(JANE, { provider: "dropbox", user_id: "1" }));
await step("link what is linked elsewhere", () => users.identities.link(SMS, { provider: "google-oauth2", user_id: GOOGLE }));
const expired = withToken(await token({ scopes: ["update:users"], expires_in: -60 }));
await step("an expired token", () => expired.users.identities.delete(JANE, "google-oauth2", GOOGLE));
const reader = withToken(await token({ scopes: ["read:users"] }));
await step("a token without the scope", () => reader.users.identities.delete(JANE, "google-oauth2", GOOGLE));
const limited = { kind: { too_many_requests: { retry_after: 0 } }, method: "DELETE", times: 1 };
await control("POST", "faults", limited);
await step("too many requests", () => users.identities.delete(JANE, "google-oauth2", GOOGLE));
await control("POST", "faults", limited);
await step("too many requests, tried again by the client", () =>
  users.identities.delete(JANE, "google-oauth2", GOOGLE, { maxRetries: 1 }));
