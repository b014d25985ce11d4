// Waits until nobody needs the users any more that a run made, and deletes them: when its standard input ends, which it does
// however the run ended. First it deletes those that an earlier run could not.

import "./exchanges.js";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { ManagementClient } from "auth0";
import { made } from "./exchanges.js";
import { tenant } from "./tenant.js";

const OURS = /^unlink-contract-[0-9a-f]{32}@example\.com$/;

// Whoever ends the run by keyboard ends it here too, but only after this.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

const credentials = tenant.token
  ? { token: tenant.token }
  : { clientId: tenant.client_id, clientSecret: tenant.client_secret, audience: tenant.audience };
const { users } = new ManagementClient({ domain: tenant.domain, maxRetries: 8, ...credentials });

function ledger() {
  const lines = readFileSync(process.env.LEDGER, { encoding: "utf8", flag: "a+" }).split("\n");
  const values = (kind) => lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
  return { emails: values("email").filter((email) => OURS.test(email)), ids: values("id") };
}

async function found(id) {
  try {
    return await users.get(id);
  } catch (error) {
    if (error.statusCode === 404) return undefined;
    throw error;
  }
}

/** Deletes what is left of the users in the ledger, and returns how many there were. */
async function sweep() {
  const { emails, ids } = ledger();
  const left = new Map();
  for (const email of emails) for (const user of await users.listUsersByEmail({ email })) left.set(user.user_id, user);
  for (const id of ids) {
    const user = await found(id);
    if (user) left.set(user.user_id, user);
  }
  // The id of what is linked may lead to what it is linked to; that has to be one of these as well.
  const ours = [...left.values()].filter(({ user_id, email }) => ids.includes(user_id) || emails.includes(email));
  for (const { user_id } of ours) {
    made(user_id);
    await users.delete(user_id);
  }
  const foreign = left.size - ours.length;
  if (foreign) throw new Error(`${foreign} users have ids of this run and other addresses; they were left alone`);
  return ours.length;
}

/** Until a look finds nobody: what was linked to a user may come back when that is deleted. */
async function sweepAll() {
  let deleted = 0;
  for (let round = 0; round < 10; round += 1) {
    const swept = await sweep();
    if (!swept) {
      writeFileSync(process.env.LEDGER, "");
      return deleted;
    }
    deleted += swept;
  }
  throw new Error(`users are left; their addresses are in ${process.env.LEDGER}`);
}

const earlier = await sweepAll();
process.stdout.write(`ready: ${earlier} users of an earlier run deleted\n`);

process.stdin.resume();
await new Promise((resolve) => process.stdin.once("end", resolve).once("error", resolve));
// A program that was cut off may have had a request on its way.
if (ledger().emails.length) await pause(1000);
const deleted = await sweepAll();
process.stdout.write(`caretaker: ${deleted} users deleted, none left\n`);
