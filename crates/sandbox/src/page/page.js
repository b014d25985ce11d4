// Shows the tenant through its controls, and unlinks and links as an application would: with the user's own token.
"use strict";

const MOST_USERS = 200;
const MOST_ENTRIES = 50;

const byId = (id) => document.getElementById(id);

/** An element with its text or children; nothing is ever read as HTML. */
function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function button(text, label, action) {
  const made = element("button", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  return made;
}

async function call(method, path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  const json = text ? JSON.parse(text) : undefined;
  if (!answer.ok) throw new Error(`${answer.status} ${json?.message ?? json?.error ?? text}`);
  return json;
}

const control = (name) => call("GET", `/__sandbox/${name}`);
const token = async (wanted) => (await call("POST", "/__sandbox/tokens", wanted)).token;
const own = (user_id) => token({ user_id, scopes: ["update:current_user_identities"] });
const identitiesOf = (user_id) => `/api/v2/users/${encodeURIComponent(user_id)}/identities`;
const key = (identity) => `${identity.provider}|${identity.user_id}`;

function say(text, isRefused) {
  byId("said").textContent = text;
  byId("said").classList.toggle("refused", isRefused);
}

/** Does something, says what came of it, and shows what is. */
async function attempt(done, action) {
  try {
    await action();
    say(done, false);
  } catch (error) {
    say(`Refused: ${error.message}`, true);
  }
  await refresh();
  // The button that was pressed is gone; go on from what came of it.
  byId("said").focus();
}

function unlink(user, identity) {
  return attempt(`Unlinked ${key(identity)}: it is an account of its own now.`, async () => {
    const segments = [identity.provider, String(identity.user_id)].map(encodeURIComponent).join("/");
    const path = `${identitiesOf(user.user_id)}/${segments}`;
    const left = await call("DELETE", path, undefined, await own(user.user_id));
    if (left.some((one) => key(one) === key(identity))) throw new Error("it is still linked");
  });
}

function link(primary, secondary) {
  return attempt(`Linked ${secondary} to ${primary}.`, async () => {
    const link_with = await token({ user_id: secondary, id_token: true });
    await call("POST", identitiesOf(primary), { link_with }, await own(primary));
  });
}

function userItem(user, primary) {
  const identities = user.identities.map((identity, position) => {
    const role = position === 0 ? "main identity" : "linked";
    const label = `Unlink ${key(identity)} from ${user.user_id}`;
    return element(
      "li",
      element("code", key(identity)),
      ` ${identity.connection}, ${role}`,
      button("Unlink", label, () => unlink(user, identity)),
    );
  });
  const item = element("li", element("strong", user.name ?? user.email ?? user.user_id), " ", element("code", user.user_id));
  if (primary) {
    const label = `Link ${user.user_id} back to ${primary}`;
    item.append(button("Link back", label, () => link(primary, user.user_id)));
  }
  item.append(element("ul", ...identities));
  return item;
}

/** The user that an account was unlinked from last. */
function primaries(effects, users) {
  const there = new Set(users.map((user) => user.user_id));
  const unlinked = effects.filter((effect) => effect.type === "identity.unlinked" && there.has(effect.user_id));
  return new Map(unlinked.map((effect) => [effect.identity, effect.user_id]));
}

function list(id, items, none) {
  byId(id).replaceChildren(...(items.length ? items : [element("li", none)]));
}

const newest = (entries) => entries.slice(-MOST_ENTRIES).reverse();

async function show() {
  const names = ["snapshot", "effects", "requests", "faults"];
  const [snapshot, effects, requests, faults] = await Promise.all(names.map(control));
  const wanted = byId("filter").value.trim().toLowerCase();
  const fits = (user) =>
    !wanted || [user.user_id, user.email ?? "", ...user.identities.flatMap((one) => [key(one), one.connection])]
      .some((text) => text.toLowerCase().includes(wanted));
  const found = snapshot.users.filter(fits);
  const before = primaries(effects.entries, snapshot.users);
  const shown = found.slice(0, MOST_USERS);
  byId("count").textContent = `${shown.length} of ${snapshot.users.length} users`;
  list("users", shown.map((user) => userItem(user, before.get(user.user_id))), "There is nobody.");
  const effect = ({ type, user_id, identity }) =>
    element("li", `${type} `, element("code", [user_id, identity].filter(Boolean).join(" ← ")));
  list("effects", newest(effects.entries).map(effect), "Nothing yet.");
  const request = ({ method, path, status }) => element("li", element("code", `${method} ${path}`), ` ${status ?? "no answer"}`);
  list("requests", newest(requests.entries).map(request), "None yet.");
  list("faults", faults.map((fault) => element("li", element("code", JSON.stringify(fault)))), "None.");
  document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
}

const refresh = () => show().catch((error) => say(`The tenant does not answer: ${error.message}`, true));
byId("filter").addEventListener("input", refresh);
refresh();
