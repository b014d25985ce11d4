// Shows the tenant through its controls, and unlinks and links as an application would: with the user's own token.
"use strict";

const MOST_USERS = 200;
const MOST_ENTRIES = 20;

const byId = (id) => document.getElementById(id);

/** An element with a class and its text or children; nothing is ever read as HTML. */
function element(name, kind, ...children) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

function button(text, label, action) {
  const made = element("button", "", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  return made;
}

async function call(method, path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  let answer;
  let text;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    text = await answer.text();
  } catch (error) {
    // A fault may have kept the answer back after the change was made.
    throw new Error(`No whole answer (${error.message}); it may have been done all the same.`);
  }
  if (!answer.ok) throw new Error(`Refused: ${answer.status} ${reason(text)}`);
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    throw new Error(`Answered ${answer.status}, but not in JSON: ${text.slice(0, 200)}`);
  }
}

/** What a refusal says; a fault may have made it anything. */
function reason(text) {
  try {
    const { message, error } = JSON.parse(text);
    return message ?? error ?? text;
  } catch {
    return text.slice(0, 200);
  }
}

const control = (name) => call("GET", `/__sandbox/${name}`);
const token = async (wanted) => (await call("POST", "/__sandbox/tokens", wanted)).token;
const own = (user_id) => token({ user_id, scopes: ["update:current_user_identities"] });
const identitiesOf = (user_id) => `/api/v2/users/${encodeURIComponent(user_id)}/identities`;
const key = (identity) => `${identity.provider}|${identity.user_id}`;
const nameOf = (user) => user.name ?? user.email ?? user.user_id;

function say(text, isRefused) {
  byId("said").textContent = text;
  byId("said").classList.toggle("refused", isRefused);
}

/** Does something, says what came of it, shows what is, and goes on where the first of these buttons is, or in this card. */
async function attempt(done, action, labels, user_id) {
  try {
    await action();
    say(done, false);
  } catch (error) {
    say(error.message, true);
  }
  await refresh();
  // The button that was pressed was made anew or is gone; the keyboard stays where it was as far as it can.
  const buttons = [...document.querySelectorAll("#users button")];
  const labelled = labels.map((label) => buttons.find((it) => it.getAttribute("aria-label") === label));
  const inCard = buttons.find((it) => it.closest(".user").dataset.user === user_id);
  (labelled.find(Boolean) ?? inCard ?? byId("filter")).focus();
}

const unlinkLabel = (identity, user_id) => `Unlink ${identity} from ${user_id}`;
const linkLabel = (secondary, primary) => `Link ${secondary} back to ${primary}`;

function unlink(user, identity) {
  const action = async () => {
    const segments = [identity.provider, String(identity.user_id)].map(encodeURIComponent).join("/");
    const path = `${identitiesOf(user.user_id)}/${segments}`;
    const left = await call("DELETE", path, undefined, await own(user.user_id));
    if (left.some((one) => key(one) === key(identity))) throw new Error("Answered 200, but it is still linked.");
  };
  const done = `Unlinked ${key(identity)}: it is a user of its own now.`;
  return attempt(done, action, [unlinkLabel(key(identity), user.user_id)], user.user_id);
}

function link(primary, secondary) {
  const action = async () => {
    const link_with = await token({ user_id: secondary, id_token: true });
    await call("POST", identitiesOf(primary), { link_with }, await own(primary));
  };
  const labels = [linkLabel(secondary, primary), unlinkLabel(secondary, primary)];
  return attempt(`Linked ${secondary} to ${primary}.`, action, labels, primary);
}

function identityItem(user, identity, position) {
  const label = unlinkLabel(key(identity), user.user_id);
  return element(
    "li",
    "identity",
    element("div", "", element("code", "", key(identity)), element("span", "connection", identity.connection)),
    element("span", "role", position === 0 ? "main" : "linked"),
    button("Unlink", label, () => unlink(user, identity)),
  );
}

function userItem(user, primary) {
  const head = element("div", "head", element("span", "name", nameOf(user)), element("code", "", user.user_id));
  const identities = user.identities.map((identity, position) => identityItem(user, identity, position));
  const item = element("li", "user", head, element("ul", "", ...identities));
  if (primary) {
    const label = linkLabel(user.user_id, primary.user_id);
    const back = button("Link back", label, () => link(primary.user_id, user.user_id));
    item.append(element("div", "identity", element("span", "past", `was linked to ${nameOf(primary)}`), back));
  }
  item.dataset.user = user.user_id;
  return item;
}

/** The user that each account was unlinked from last. */
function primaries(effects, users) {
  const there = new Map(users.map((user) => [user.user_id, user]));
  const unlinked = effects.filter((effect) => effect.type === "identity.unlinked" && there.has(effect.user_id));
  return new Map(unlinked.map((effect) => [effect.identity, there.get(effect.user_id)]));
}

const WORDS = {
  "user.created": ({ user_id }) => ["new user ", element("code", "", user_id)],
  "user.deleted": ({ user_id }) => ["user gone ", element("code", "", user_id)],
  "user.updated": ({ user_id, fields }) => ["changed ", element("code", "", user_id), ` ${fields.join(", ")}`],
  "identity.linked": (it) => ["linked ", element("code", "", it.identity), " to ", element("code", "", it.user_id)],
  "identity.unlinked": (it) => ["unlinked ", element("code", "", it.identity), " from ", element("code", "", it.user_id)],
};

const time = (at) => element("span", "quiet", `${at.slice(11, 19)} `);

function effectItem(effect) {
  return element("li", "entry", time(effect.at), ...(WORDS[effect.type]?.(effect) ?? [effect.type]));
}

function requestItem({ at, method, path, query, status, fault }) {
  const isRefused = status === null || status >= 400;
  const outcome = element("span", isRefused ? "refused" : "", ` ${status ?? "no answer"}`);
  const item = element("li", "entry", time(at), element("code", "", `${method} ${path}${query ? `?${query}` : ""}`), outcome);
  if (fault) item.append(` fault: ${fault}`);
  return item;
}

/** A fault in words: what goes wrong, with what, and how often it did. */
function faultItem({ fault: { kind, method, path, user, times, skip, ...more }, struck }) {
  const what = typeof kind === "string" ? kind : Object.keys(kind).join();
  const target = [method, path, user && `of ${user}`].filter(Boolean).join(" ") || "every request";
  const often = times ? `${struck} of ${times} times` : `${struck} times so far`;
  const item = element("li", "entry", element("strong", "", what), " with ", element("code", "", target), `, ${often} `);
  const details = { ...kind[what], ...(skip && { skip }), ...more };
  if (Object.keys(details).length) item.append(element("code", "quiet", JSON.stringify(details)));
  return item;
}

function list(id, items, none) {
  byId(id).replaceChildren(...(items.length ? items : [element("li", "entry quiet", none)]));
}

const newest = (entries) => entries.slice(-MOST_ENTRIES).reverse();

let known = { users: [], effects: [] };

function showUsers() {
  const wanted = byId("filter").value.trim().toLowerCase();
  const texts = (user) =>
    [user.user_id, user.name, user.email, ...user.identities.flatMap((one) => [key(one), one.connection])];
  const fits = (user) => texts(user).some((text) => text?.toLowerCase().includes(wanted));
  const found = wanted ? known.users.filter(fits) : known.users;
  const shown = found.slice(0, MOST_USERS);
  const before = primaries(known.effects, known.users);
  const more = found.length > shown.length ? `, the first ${shown.length} are shown` : "";
  byId("count").textContent = wanted ? `${found.length} of ${known.users.length} users${more}` : `${found.length} users${more}`;
  list("users", shown.map((user) => userItem(user, before.get(user.user_id))), "There is nobody.");
}

async function show() {
  const names = ["snapshot", "effects", "requests", "faults"];
  const [snapshot, effects, requests, faults] = await Promise.all(names.map(control));
  known = { users: snapshot.users, effects: effects.entries };
  showUsers();
  list("effects", newest(effects.entries).map(effectItem), "Nothing yet.");
  list("requests", newest(requests.entries).map(requestItem), "None yet.");
  list("faults", faults.map(faultItem), "None.");
  document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
}

const refresh = () => show().catch((error) => say(`The tenant does not answer: ${error.message}`, true));
byId("filter").addEventListener("input", showUsers);
byId("refresh").addEventListener("click", refresh);
refresh();
