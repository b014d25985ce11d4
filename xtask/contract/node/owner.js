// The tenant lane: with the leave of a tenant's owner, asks it all that the local one only assumes, with users of this run's
// own, and writes what each rule of the local tenant's table turned out to be.

import "./exchanges.js";
import { ManagementClient } from "auth0";
import { answersOf } from "./rules.js";
import { findDatabase, suite } from "./suite.js";
import { saw, stop, tenant } from "./tenant.js";

const NEEDED = ["read:users", "create:users", "update:users", "delete:users", "read:connections"];

/** The access token to go on with, and its scopes. */
async function authorized() {
  if (tenant.token) return { token: tenant.token, scopes: scopesIn(tenant.token) };
  const answer = await fetch(`${tenant.url}/oauth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      grant_type: "client_credentials",
      client_id: tenant.client_id,
      client_secret: tenant.client_secret,
      audience: tenant.audience ?? `https://${tenant.domain}/api/v2/`,
    }),
  });
  const { access_token, scope, error, error_description } = await answer.json();
  if (!answer.ok) stop(`no access token: ${answer.status} ${error}: ${error_description}`);
  return { token: access_token, scopes: (scope ?? "").split(" ") };
}

function scopesIn(token) {
  try {
    return (JSON.parse(Buffer.from(token.split(".")[1], "base64url")).scope ?? "").split(" ");
  } catch {
    return stop("the access token is no JSON web token");
  }
}

/** What the tenant calls itself. */
async function issuer() {
  try {
    const answer = await fetch(`${tenant.url}/.well-known/openid-configuration`);
    return (await answer.json()).issuer;
  } catch (error) {
    return stop(`${tenant.url} does not answer as a tenant of Auth0 does: ${error.cause?.message ?? error.message}`);
  }
}

const name = await issuer();
if (name !== `${tenant.url}/`) stop(`${tenant.url} is no tenant of Auth0: it calls itself ${name}`);

const { token, scopes } = await authorized();
const missing = NEEDED.filter((scope) => !scopes.includes(scope));
if (missing.length) stop(`the access token lacks ${missing.join(" ")}`);

const admin = new ManagementClient({ domain: tenant.domain, token, maxRetries: 5 });
const database = await findDatabase(admin.connections);

await suite(admin, database);
for await (const { rule, seen } of answersOf({ admin, database, token, scopes })) saw(`rule ${rule}`, seen);
