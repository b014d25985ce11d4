// Drives the official Node client against the tenant in TENANT, and writes a line for each thing it saw.

import { gunzipSync } from "node:zlib";
import { ManagementClient } from "auth0";
import { control, identities, saw, tenant, token } from "./tenant.js";

const JANE = "auth0|63d17b7dbc8a5d0f3e9c4a21";
const GOOGLE = "108357642915403298764";
const OMAR = "google-oauth2|104718263549180237456";
const SAML = "samlp|example-saml|jane@example.com";
const SMS = "sms|63e4c1a9f2b7405d8c6e9130";

const withToken = (text) => new ManagementClient({ domain: tenant.domain, token: text, maxRetries: 0 });
const own = async (user_id) =>
  withToken(await token({ user_id, scopes: ["read:current_user", "update:current_user_identities"] }));

/** Makes a call and writes its status and what `show` makes of its answer, or the error as the client tells it. */
async function step(name, call, show = identities) {
  try {
    const { data, rawResponse } = await call().withRawResponse();
    saw(name, `${rawResponse.status} ${show(data)}`.trim());
    return data;
  } catch (error) {
    if (error.statusCode === undefined) throw error;
    const { errorCode = "-", message } = error.body;
    saw(name, `${error.statusCode} ${error.constructor.name} ${errorCode} ${message}`);
  }
}

const user = (data) => `${data.user_id}: ${identities(data.identities)}`;
const nothing = () => "";

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

// Search and export.
const found = await users.list({ q: 'identities.connection:"github"', search_engine: "v3" });
saw("search", found.data.map((one) => one.user_id).join(", "));
const ordered = await step("export", () => admin.jobs.usersExports.create({ format: "json" }), (job) => job.status);
const job = await step("poll", () => admin.jobs.get(ordered.id), ({ status }) => status);
const file = await (await fetch(job.location)).arrayBuffer();
saw("download", `${gunzipSync(file).toString().trimEnd().split("\n").length} users`);

// A database account of our own, linked by connection, by a token, and deleted.
const database = (await connections.list({ name: "Username-Password-Authentication" })).data[0];
const made = await step(
  "create",
  () => users.create({ connection: database.name, email: "kim@example.com", password: "a-Long-passphrase-1" }),
  user,
);
const [, id] = made.user_id.split("|");
await step("link by connection", () =>
  users.identities.link(JANE, { provider: "auth0", connection_id: database.id, user_id: id }));
await step("unlink a database identity", () => users.identities.delete(JANE, "auth0", id));
const kims = await token({ user_id: made.user_id, id_token: true });
await step("link by an ID token", () => users.identities.link(JANE, { link_with: kims }));
await step("unlink it again", () => users.identities.delete(JANE, "auth0", id));

// A user's own token.
const jane = await own(JANE);
await step("own: list", () => jane.users.get(JANE), user);
await step("own: link by an ID token", () => jane.users.identities.link(JANE, { link_with: kims }));
await step("own: unlink", () => jane.users.identities.delete(JANE, "auth0", id));
await step("own: another user", () => jane.users.identities.delete(OMAR, "sms", "63ea2f51c07d4be8a9f31026"), nothing);

await step("delete", () => users.delete(made.user_id), nothing);
await step("delete again", () => users.delete(made.user_id), nothing);
await step("list what was deleted", () => users.get(made.user_id), user);

// Refusals.
await step("unlink the main identity", () => users.identities.delete(JANE, "auth0", "63d17b7dbc8a5d0f3e9c4a21"));
await step("unlink what is not linked", () => users.identities.delete(JANE, "google-oauth2", "1"));
await step("unlink from an unknown user", () => users.identities.delete("auth0|none", "google-oauth2", "1"));
await step("unlink with a hostile id", () => users.identities.delete(`${JANE}#`, "google-oauth2", GOOGLE));
await step("link what is linked", () => users.identities.link(SMS, { provider: "google-oauth2", user_id: GOOGLE }));
await step("link what nobody has", () => users.identities.link(JANE, { provider: "dropbox", user_id: "1" }));
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
