"""The suite against the tenant of an owner who gave leave, by the official Python client."""

from auth0.management import ManagementClient

import exchanges
from suite import suite
from tenant import TENANT

if TENANT.get("token"):
    credentials = {"token": TENANT["token"]}
else:
    credentials = {
        "client_id": TENANT["client_id"],
        "client_secret": TENANT["client_secret"],
        "audience": TENANT.get("audience"),
    }
suite(ManagementClient(domain=TENANT["domain"], httpx_client=exchanges.noting(), **credentials))
