// What is asked of every tenant, a local one and a real one: link, unlink, delete and be refused, with database users of
// this run's own.

import { randomBytes } from "node:crypto";
import { announce, made, madeUp } from "./exchanges.js";
import { call, nothing, step, stop, user } from "./tenant.js";

export const hex = (bytes) => randomBytes(bytes).toString("hex");

/** The part of an id after its provider. */
export const bare = (id) => id.slice(id.indexOf("|") + 1);

/** The id of a database user that there is not. */
export function nobody(name) {
  const id = `auth0|${hex(12)}`;
  madeUp(id);
  call(id, name);
  call(bare(id), name);
  return id;
}

/** Makes a database user whom nobody writes to. */
export async function create(users, database, name) {
  const email = `unlink-contract-${hex(16)}@example.com`;
  announce(email);
  call(email, `${name}@`);
  const password = `Aa1!${hex(16)}`;
  const wanted = { connection: database.name, email, password, email_verified: true, verify_email: false };
  const { data, rawResponse } = await users.create(wanted).withRawResponse();
  if (rawResponse.status !== 201 || !data.user_id?.startsWith("auth0|") || data.email !== email) {
    stop(`this tenant does not make users as expected: ${rawResponse.status}`);
  }
  made(data.user_id);
  call(data.user_id, name);
  call(bare(data.user_id), name);
  return { ...data, password };
}

/** The database that the users of this run are made in. */
export async function findDatabase(connections) {
  // The names only: options may hold secrets of other systems.
  const wanted = { strategy: ["auth0"], fields: "id,name,strategy", include_fields: true };
  const { data } = await connections.list(wanted);
  const name = process.env.AUTH0_CONNECTION ?? "Username-Password-Authentication";
  const found = data.find((one) => one.name === name);
  if (!found) stop(`there is no database ${name}; AUTH0_CONNECTION can name one of: ${data.map((one) => one.name)}`);
  return found;
}

export async function suite({ users }, database) {
  const [main, second, third, fourth] = [
    await create(users, database, "main"),
    await create(users, database, "second"),
    await create(users, database, "third"),
    await create(users, database, "fourth"),
  ];
  const id = main.user_id;
  const link = (wanted) => () => users.identities.link(id, wanted);
  const unlink = (provider, identity) => () => users.identities.delete(id, provider, identity);

  await step("suite: list", () => users.get(id), user);
  await step("suite: by e-mail", () => users.listUsersByEmail({ email: main.email }), (all) => all.map(user).join("; "));
  await step("suite: update", () => users.update(id, { user_metadata: { color: "blue" } }), user);
  await step("suite: link by provider and id", link({ provider: "auth0", user_id: bare(second.user_id) }));
  await step("suite: link by connection", link({
    provider: "auth0", connection_id: database.id, user_id: bare(third.user_id),
  }));
  await step("suite: link by a whole id", link({ provider: "auth0", user_id: fourth.user_id }));
  await step("suite: list what is linked", () => users.get(id), user);
  await step("suite: link what is linked", link({ provider: "auth0", user_id: bare(second.user_id) }));
  await step("suite: link it to itself", link({ provider: "auth0", user_id: bare(id) }));
  await step("suite: delete by the own id of what is linked", () => users.delete(second.user_id), nothing);
  await step("suite: unlink one from the middle", unlink("auth0", bare(third.user_id)));
  await step("suite: unlink it again", unlink("auth0", bare(third.user_id)));
  await step("suite: the account it became", () => users.get(third.user_id), user);
  await step("suite: unlink by a whole id", unlink("auth0", second.user_id));
  await step("suite: unlink", unlink("auth0", bare(second.user_id)));
  await step("suite: unlink the main identity", unlink("auth0", bare(id)));
  await step("suite: delete what was unlinked", () => users.delete(second.user_id), nothing);
  await step("suite: delete it again", () => users.delete(second.user_id), nothing);
  await step("suite: list what was deleted", () => users.get(second.user_id), user);
  await step("suite: delete with what is linked", () => users.delete(id), nothing);
  await step("suite: list what was linked then", () => users.get(fourth.user_id), user);
  await step("suite: delete the rest", () => users.delete(third.user_id), nothing);
}
