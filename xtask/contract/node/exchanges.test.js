// What a run for an owner refuses to send: everything that would touch what it did not make.

import assert from "node:assert";
import test from "node:test";
import { announce, isHarmless, made, madeUp } from "./exchanges.js";

announce("ours@example.com");
made("auth0|ours");
made("auth0|other");
madeUp("auth0|nobody");

const identities = "/api/v2/users/auth0%7Cours/identities";
const table = [
  ["GET", "/api/v2/users/auth0%7Cforeign", undefined, true],
  ["POST", "/oauth/token", {}, true],
  ["POST", "/api/v2/jobs/users-exports", {}, true],
  ["POST", "/api/v2/users", { email: "ours@example.com" }, true],
  ["POST", "/api/v2/users", { email: "foreign@example.com" }, false],
  ["DELETE", "/api/v2/users/auth0%7Cours", undefined, true],
  ["DELETE", "/api/v2/users/auth0|ours", undefined, true],
  ["DELETE", "/api/v2/users/auth0%7Cforeign", undefined, false],
  ["PATCH", "/api/v2/users/auth0%7Cforeign", { blocked: true }, false],
  ["DELETE", `${identities}/auth0/foreign`, undefined, true],
  ["DELETE", "/api/v2/users/auth0%7Cforeign/identities/auth0/ours", undefined, false],
  ["POST", identities, { provider: "auth0", user_id: "other" }, true],
  ["POST", identities, { provider: "auth0", user_id: "auth0|other" }, true],
  ["POST", identities, { provider: "auth0", user_id: "nobody" }, true],
  ["POST", identities, { provider: "auth0", user_id: "foreign" }, false],
  ["POST", identities, { link_with: "eyJ.eyJ.x" }, false],
  ["POST", "/api/v2/users/auth0%7Cforeign/identities", { provider: "auth0", user_id: "other" }, false],
  ["DELETE", "/api/v2/connections/con_1", undefined, false],
  ["DELETE", "/api/v2/users", undefined, false],
  ["POST", "/api/v2/users/auth0%7Cours/roles", {}, true],
];

for (const [method, path, body, harmless] of table) {
  test(`${method} ${path} ${JSON.stringify(body)}`, () => assert.equal(isHarmless(method, path, body), harmless));
}

test("what would do harm is not sent", async () => {
  const target = "https://127.0.0.1:1/api/v2/users/auth0%7Cforeign";
  await assert.rejects(fetch(target, { method: "DELETE" }), /refused to send DELETE/);
});
