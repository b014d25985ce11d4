"""What the programs need: the tenant they were given, its controls if it is a local one, and one line for each thing seen."""

import json
import os

import httpx
from auth0.management.core.api_error import ApiError

TENANT = json.loads(os.environ["TENANT"])
# The client has no such setting of its own, so each call says it.
TRIES = {"max_retries": 5 if os.environ.get("LEDGER") else 0}
# It tries again after a 409 as well, which is what some steps are about.
ONCE = {"max_retries": 0}

_names = {}


def control(method, name, body):
    """Uses a control of the local tenant and returns what it answers."""
    answer = httpx.request(method, f"{TENANT['url']}/__sandbox/{name}", json=body)
    answer.raise_for_status()
    return answer.json()


def token(**wanted):
    """A token of the local tenant: a machine's, a user's own, or an ID token."""
    return control("POST", "tokens", wanted)["token"]


def call(text, name):
    """From here on this text, which differs from run to run, is written as a name."""
    _names[text] = f"<{name}>"


def saw(name, seen):
    """Writes what was seen in a step."""
    line = f"{name}: {seen}"
    for given, name in _names.items():
        line = line.replace(given, name)
    print(line)


def identities(found):
    """Identities as they arrived; a number stays bare, a text is quoted."""
    return ", ".join(f"{one.provider} {json.dumps(one.user_id)}" for one in found)


def user(data):
    return f"{data.user_id}: {identities(data.identities)}"


def nothing(_):
    return ""


def step(name, make, *arguments, show=identities, options=TRIES, **named):
    """Makes a call and writes its status and what `show` makes of its answer, or the error as the client tells it."""
    try:
        answer = make(*arguments, request_options=options, **named)
    except ApiError as error:
        body = error.body if isinstance(error.body, dict) else error.body.model_dump(by_alias=True)
        code, message = body.get("errorCode") or "-", body.get("message")
        saw(name, f"{error.status_code} {type(error).__name__} {code} {message}")
        return None
    saw(name, f"{answer.status_code} {show(answer.data)}".rstrip())
    return answer.data
