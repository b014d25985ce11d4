"""Drives the official Python client against the tenant in TENANT, and writes a line for each thing it saw."""

import gzip
import json
import os

import httpx
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError

TENANT = json.loads(os.environ["TENANT"])
JANE = "auth0|63d17b7dbc8a5d0f3e9c4a21"
GOOGLE = "108357642915403298764"
OMAR = "google-oauth2|104718263549180237456"
SAML = "samlp|example-saml|jane@example.com"
SMS = "sms|63e4c1a9f2b7405d8c6e9130"
# The client has no such setting of its own, so each call says it.
ONCE = {"max_retries": 0}


def control(method, name, body):
    answer = httpx.request(method, f"{TENANT['url']}/__sandbox/{name}", json=body)
    answer.raise_for_status()
    return answer.json()


def token(**wanted):
    return control("POST", "tokens", wanted)["token"]


def identities(found):
    return ", ".join(f"{one.provider} {json.dumps(one.user_id)}" for one in found)


def user(data):
    return f"{data.user_id}: {identities(data.identities)}"


def nothing(_):
    return ""


def step(name, call, *arguments, show=identities, options=ONCE, **named):
    """Makes a call and writes its status and what `show` makes of its answer, or the error as the client tells it."""
    try:
        answer = call(*arguments, request_options=options, **named)
    except ApiError as error:
        body = error.body if isinstance(error.body, dict) else error.body.model_dump(by_alias=True)
        code, message = body.get("errorCode") or "-", body.get("message")
        print(f"{name}: {error.status_code} {type(error).__name__} {code} {message}")
        return None
    print(f"{name}: {answer.status_code} {show(answer.data)}".rstrip())
    return answer.data


def calls(client):
    """The client's calls whose answers keep their status."""
    return client.users.with_raw_response, client.users.identities.with_raw_response


# By client credentials: the client fetches its own token.
admin = ManagementClient(
    domain=TENANT["domain"], client_id=TENANT["client_id"], client_secret=TENANT["client_secret"]
)
users, linked = calls(admin)

step("list", users.get, JANE, show=user)
step("unlink", linked.delete, JANE, "google-oauth2", GOOGLE)
step("the account it became", users.get, f"google-oauth2|{GOOGLE}", show=user)
step("link by provider and id", linked.link, JANE, provider="google-oauth2", user_id=GOOGLE)
step("unlink an integer id", linked.delete, JANE, "github", "58323117")
step("link an integer id", linked.link, JANE, provider="github", user_id=58323117)
step("unlink from an id with an inner pipe", linked.delete, SAML, "google-oauth2", "113920485517620394415")
step("unlink an id with an inner pipe", linked.delete, OMAR, "samlp", "example-saml|omar@example.com")

# Search and export.
found = admin.users.list(q='identities.connection:"github"', search_engine="v3")
print("search: " + ", ".join(one.user_id for one in found))
exports = admin.jobs.users_exports.with_raw_response
ordered = step("export", exports.create, format="json", show=lambda job: job.status)
job = step("poll", admin.jobs.with_raw_response.get, ordered.id, show=lambda job: job.status)
lines = gzip.decompress(httpx.get(job.location).content).decode().splitlines()
print(f"download: {len(lines)} users")

# A database account of our own, linked by connection, by a token, and deleted.
database = next(iter(admin.connections.list(name="Username-Password-Authentication")))
made = step(
    "create",
    users.create,
    connection=database.name,
    email="kim@example.com",
    password="a-Long-passphrase-1",
    show=user,
)
kim = made.user_id.split("|")[1]
step("link by connection", linked.link, JANE, provider="auth0", connection_id=database.id, user_id=kim)
step("unlink a database identity", linked.delete, JANE, "auth0", kim)
kims = token(user_id=made.user_id, id_token=True)
step("link by an ID token", linked.link, JANE, link_with=kims)
step("unlink it again", linked.delete, JANE, "auth0", kim)

# A user's own token.
own = token(user_id=JANE, scopes=["read:current_user", "update:current_user_identities"])
own_users, own_linked = calls(ManagementClient(domain=TENANT["domain"], token=own))
step("own: list", own_users.get, JANE, show=user)
step("own: link by an ID token", own_linked.link, JANE, link_with=kims)
step("own: unlink", own_linked.delete, JANE, "auth0", kim)
step("own: another user", own_linked.delete, OMAR, "sms", "63ea2f51c07d4be8a9f31026")

step("delete", users.delete, made.user_id, show=nothing)
step("delete again", users.delete, made.user_id, show=nothing)
step("list what was deleted", users.get, made.user_id, show=user)

# Refusals.
step("unlink the main identity", linked.delete, JANE, "auth0", JANE.split("|")[1])
step("unlink what is not linked", linked.delete, JANE, "google-oauth2", "1")
step("unlink from an unknown user", linked.delete, "auth0|none", "google-oauth2", "1")
step("unlink with a hostile id", linked.delete, f"{JANE}#", "google-oauth2", GOOGLE)
step("link what is linked", linked.link, SMS, provider="google-oauth2", user_id=GOOGLE)
step("link what nobody has", linked.link, JANE, provider="dropbox", user_id="1")
_, expired = calls(ManagementClient(domain=TENANT["domain"], token=token(scopes=["update:users"], expires_in=-60)))
step("an expired token", expired.delete, JANE, "google-oauth2", GOOGLE)
_, reader = calls(ManagementClient(domain=TENANT["domain"], token=token(scopes=["read:users"])))
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
