"""Drives the official Python client against the local tenant in TENANT, and writes a line for each thing it saw."""

import gzip

import httpx
from auth0.management import ManagementClient

import exchanges
from suite import suite
from tenant import ONCE, TENANT, control, nothing, saw, step, token, user

JANE = "auth0|63d17b7dbc8a5d0f3e9c4a21"
GOOGLE = "108357642915403298764"
OMAR = "google-oauth2|104718263549180237456"
SAML = "samlp|example-saml|jane@example.com"
SMS = "sms|63e4c1a9f2b7405d8c6e9130"


def client(**credentials):
    return ManagementClient(domain=TENANT["domain"], httpx_client=exchanges.noting(), **credentials)


def calls(client):
    """The client's calls whose answers keep their status."""
    return client.users.with_raw_response, client.users.identities.with_raw_response


# By client credentials: the client fetches its own token.
admin = client(client_id=TENANT["client_id"], client_secret=TENANT["client_secret"])
users, linked = calls(admin)

step("list", users.get, JANE, show=user)
step("unlink", linked.delete, JANE, "google-oauth2", GOOGLE)
step("the account it became", users.get, f"google-oauth2|{GOOGLE}", show=user)
step("link by provider and id", linked.link, JANE, provider="google-oauth2", user_id=GOOGLE)
step("unlink an integer id", linked.delete, JANE, "github", "58323117")
step("link an integer id", linked.link, JANE, provider="github", user_id=58323117)
step("unlink from an id with an inner pipe", linked.delete, SAML, "google-oauth2", "113920485517620394415")
step("unlink an id with an inner pipe", linked.delete, OMAR, "samlp", "example-saml|omar@example.com")

# Search, export and log.
found = admin.users.list(q='identities.connection:"github"', search_engine="v3")
saw("search", ", ".join(one.user_id for one in found))
exports = admin.jobs.users_exports.with_raw_response
ordered = step("export", exports.create, format="json", show=lambda job: job.status)
job = step("poll", admin.jobs.with_raw_response.get, ordered.id, show=lambda job: job.status)
lines = gzip.decompress(httpx.get(job.location).content).decode().splitlines()
saw("download", f"{len(lines)} users")
correlated = {**ONCE, "additional_headers": {"X-Correlation-ID": "contract"}}
step("unlink with a correlation id", linked.delete, JANE, "github", "1", options=correlated)
newest = next(iter(admin.logs.list(per_page=1)))
saw("log", f"{newest.type} {newest.description}, {newest.references['correlation_id']}")
step("log entry", admin.logs.with_raw_response.get, newest.log_id, show=lambda entry: entry.type)
# Neither official client knows checkpoints, so the address is this program's.
later = exchanges.noting().get(
    f"{TENANT['url']}/api/v2/logs",
    params={"from": newest.log_id, "take": 5},
    headers={"authorization": f"Bearer {TENANT['token']}"},
)
saw("log after it", len(later.json()))

suite(admin)

# What needs tokens that only a login would give.
kim = step(
    "create",
    users.create,
    connection="Username-Password-Authentication",
    email="kim@example.com",
    password="a-Long-passphrase-1",
    show=user,
)
kim_id = kim.user_id.split("|")[1]
kims = token(user_id=kim.user_id, id_token=True)
step("link by an ID token", linked.link, JANE, link_with=kims)
step("unlink it again", linked.delete, JANE, "auth0", kim_id)
own = token(user_id=JANE, scopes=["read:current_user", "update:current_user_identities"])
own_users, own_linked = calls(client(token=own))
step("own: list", own_users.get, JANE, show=user)
step("own: link by an ID token", own_linked.link, JANE, link_with=kims)
step("own: unlink", own_linked.delete, JANE, "auth0", kim_id)
step("own: another user", own_linked.delete, OMAR, "sms", "63ea2f51c07d4be8a9f31026", show=nothing)

# Refusals.
step("unlink from an unknown user", linked.delete, "auth0|none", "google-oauth2", "1")
step("unlink with a hostile id", linked.delete, f"{JANE}#", "google-oauth2", GOOGLE)
step("link what nobody has", linked.link, JANE, provider="dropbox", user_id="1")
step("link what is linked elsewhere", linked.link, SMS, provider="google-oauth2", user_id=GOOGLE)
_, expired = calls(client(token=token(scopes=["update:users"], expires_in=-60)))
step("an expired token", expired.delete, JANE, "google-oauth2", GOOGLE)
_, reader = calls(client(token=token(scopes=["read:users"])))
step("a token without the scope", reader.delete, JANE, "google-oauth2", GOOGLE)
limited = {"kind": {"too_many_requests": {"retry_after": 0}}, "method": "DELETE", "times": 1}
control("POST", "faults", limited)
step("too many requests", linked.delete, JANE, "google-oauth2", GOOGLE)
control("POST", "faults", limited)
step(
    "too many requests, tried again by the client",
    linked.delete,
    JANE,
    "google-oauth2",
    GOOGLE,
    options={"max_retries": 1},
)
