// What both programs need: the tenant they were given, its controls, and one line for each thing seen.

export const tenant = JSON.parse(process.env.TENANT);

/** Uses a control of the tenant and returns what it answers. */
export async function control(method, name, body) {
  const answer = await fetch(`${tenant.url}/__sandbox/${name}`, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** A token of the tenant: a machine's, a user's own, or an ID token. */
export async function token(wanted) {
  return (await control("POST", "tokens", wanted)).token;
}

/** Writes what was seen in a step. */
export function saw(step, seen) {
  process.stdout.write(`${step}: ${seen}\n`);
}

/** Identities as they arrived; a number stays bare, a text is quoted. */
export function identities(list) {
  return list.map(({ provider, user_id }) => `${provider} ${JSON.stringify(user_id)}`).join(", ");
}
