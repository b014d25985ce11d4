"""Notes each call of the tenant's API that the client makes, without secrets, in the file that EXCHANGES names; with LEDGER
set, refuses every call that would change what the program did not make."""

import email.utils
import json
import os
import re
import time
from urllib.parse import unquote

import httpx

EXCHANGES, LEDGER = os.environ.get("EXCHANGES"), os.environ.get("LEDGER")
NOTED = ("access-control-", "x-ratelimit-", "x-sandbox-", "content-", "cache-control", "date", "link", "retry-after", "vary",
         "www-authenticate")
SECRETS = {"access_token", "access_token_secret", "client_secret", "id_token", "last_ip", "ip", "link_with", "password",
           "refresh_token"}
REMOVED = "[removed]"

# The users that this program made, and the addresses of those that are about to be made.
_own, _announced = set(), set()


def _remember(kind, value):
    if LEDGER:
        with open(LEDGER, "a") as ledger:
            ledger.write(f"{kind} {value}\n")


def announce(email):
    """Notes the address of a user before it is made, so that it can be found whatever happens."""
    _announced.add(email)
    _remember("email", email)


def made(user_id):
    """Notes the id of a user that was made."""
    _own.add(user_id)
    _remember("id", user_id)


def is_harmless(method, path, body):
    """Whether a call leaves everything alone that is not this program's."""
    body = body if isinstance(body, dict) else {}
    if method in ("GET", "OPTIONS") or path == "/oauth/token":
        return True
    if path == "/api/v2/users":
        return body.get("email") in _announced
    parts = re.fullmatch(r"/api/v2/users/([^/]+)(/.*)?", path)
    if not parts or unquote(parts[1]) not in _own:
        return False
    if method != "POST" or parts[2] != "/identities":
        return True
    # What is linked vanishes as an account of its own.
    secondary = str(body.get("user_id"))
    return secondary in _own or f"{body.get('provider')}|{secondary}" in _own


def _without_secrets(value):
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    if isinstance(value, dict):
        return {key: REMOVED if key in SECRETS else _without_secrets(one) for key, one in value.items()}
    return value


def _parsed(data):
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace") if isinstance(data, bytes) else data


def _check(request):
    path = request.url.raw_path.decode().split("?")[0]
    body = _parsed(request.read()) if request.content else None
    if LEDGER and not is_harmless(request.method, path, body):
        raise RuntimeError(f"refused to send {request.method} {path}: it would touch what this run did not make")


def _pace(headers):
    """A run that has used up a limit waits rather than be refused."""
    if LEDGER and headers.get("x-ratelimit-remaining") == "0":
        now = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
        time.sleep(min(max(float(headers.get("x-ratelimit-reset", 0)) - now, 1), 10))


def _note(response):
    _pace(response.headers)
    target = response.request.url.raw_path.decode()
    if not EXCHANGES or not target.startswith(("/api/v2/", "/oauth/")):
        return
    data = response.read()
    body = _parsed(data) if data else None
    if LEDGER and target.startswith("/api/v2/connections") and isinstance(body, list):
        body = [{key: one.get(key) for key in ("id", "name", "strategy")} for one in body]
    entry = {
        "client": "python",
        "method": response.request.method,
        "path": target,
        "status": response.status_code,
        "headers": {name: value for name, value in response.headers.items() if name.startswith(NOTED)},
    }
    if body is not None:
        entry["body"] = _without_secrets(body)
    text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", REMOVED, json.dumps(entry))
    # Whoever has the link to a file has the file.
    text = re.sub(r'("location": "[^"?]*\?)[^"]*', rf"\1{REMOVED}", text)
    with open(EXCHANGES, "a") as exchanges:
        exchanges.write(text + "\n")


def noting():
    """What the client is to send its calls with."""
    return httpx.Client(timeout=60, event_hooks={"request": [_check], "response": [_note]})
