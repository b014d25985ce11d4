// What the programs need: the tenant they were given, its controls if it is a local one, and one line for each thing seen.

export const tenant = JSON.parse(process.env.TENANT);

/** Uses a control of the local tenant and returns what it answers. */
export async function control(method, name, body) {
  const answer = await fetch(`${tenant.url}/__sandbox/${name}`, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** A token of the local tenant: a machine's, a user's own, or an ID token. */
export async function token(wanted) {
  return (await control("POST", "tokens", wanted)).token;
}

/** Ends the program for a reason that its user can do something about. */
export function stop(reason) {
  process.stderr.write(`contract: ${reason}\n`);
  process.exit(1);
}

const names = new Map();

/** From here on this text, which differs from run to run, is written as a name. */
export function call(text, name) {
  names.set(text, `<${name}>`);
}

/** A text with the names of what differs from run to run. */
export function named(text) {
  return [...names].reduce((text, [given, name]) => text.replaceAll(given, name), text);
}

/** Writes what was seen in a step. */
export function saw(step, seen) {
  process.stdout.write(named(`${step}: ${seen}`) + "\n");
}

/** Identities as they arrived; a number stays bare, a text is quoted. */
export function identities(list) {
  return list.map(({ provider, user_id }) => `${provider} ${JSON.stringify(user_id)}`).join(", ");
}

/** A user with its identities. */
export function user(data) {
  return `${data.user_id}: ${identities(data.identities)}`;
}

export function nothing() {
  return "";
}

/** Makes a call and writes its status and what `show` makes of its answer, or the error as the client tells it. */
export async function step(name, make, show = identities) {
  try {
    const { data, rawResponse } = await make().withRawResponse();
    saw(name, `${rawResponse.status} ${show(data)}`.trim());
    return data;
  } catch (error) {
    if (error.statusCode === undefined) throw error;
    const { errorCode = "-", message } = error.body;
    saw(name, `${error.statusCode} ${error.constructor.name} ${errorCode} ${message}`);
  }
}
