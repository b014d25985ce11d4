"""What is asked of every tenant, a local one and a real one: link, unlink, delete and be refused, with database users of this
run's own."""

import os
from secrets import token_hex

import exchanges
from tenant import ONCE, TRIES, call, nothing, step, user


def bare(user_id):
    """The part of an id after its provider."""
    return user_id.split("|", 1)[1]


def create(users, database, name):
    """Makes a database user whom nobody writes to."""
    email = f"unlink-contract-{token_hex(16)}@example.com"
    exchanges.announce(email)
    call(email, f"{name}@")
    answer = users.create(
        connection=database.name,
        email=email,
        password=f"Aa1!{token_hex(16)}",
        email_verified=True,
        verify_email=False,
        request_options=TRIES,
    )
    made = answer.data
    if answer.status_code != 201 or not made.user_id.startswith("auth0|") or made.email != email:
        raise SystemExit(f"this tenant does not make users as expected: {answer.status_code}")
    exchanges.made(made.user_id)
    call(made.user_id, name)
    call(bare(made.user_id), name)
    return made


def find_database(client):
    """The database that the users of this run are made in."""
    # The names only: options may hold secrets of other systems.
    found = client.connections.list(strategy=["auth0"], fields="id,name,strategy", include_fields=True, request_options=TRIES)
    name = os.environ.get("AUTH0_CONNECTION", "Username-Password-Authentication")
    return next(one for one in found if one.name == name)


def suite(client):
    database = find_database(client)
    users, linked = client.users.with_raw_response, client.users.identities.with_raw_response
    main, second, third, fourth = (create(users, database, name) for name in ("main", "second", "third", "fourth"))
    main_id, second_id = main.user_id, bare(second.user_id)

    step("suite: list", users.get, main_id, show=user)
    everyone = lambda found: "; ".join(map(user, found))
    step("suite: by e-mail", users.list_users_by_email, email=main.email, show=everyone)
    step("suite: update", users.update, main_id, user_metadata={"color": "blue"}, show=user)
    step("suite: link by provider and id", linked.link, main_id, provider="auth0", user_id=second_id)
    third_id = bare(third.user_id)
    step("suite: link by connection", linked.link, main_id, provider="auth0", connection_id=database.id, user_id=third_id)
    step("suite: link by a whole id", linked.link, main_id, provider="auth0", user_id=fourth.user_id)
    step("suite: list what is linked", users.get, main_id, show=user)
    step("suite: link what is linked", linked.link, main_id, provider="auth0", user_id=second_id, options=ONCE)
    step("suite: link it to itself", linked.link, main_id, provider="auth0", user_id=bare(main_id))
    step("suite: delete by the own id of what is linked", users.delete, second.user_id, show=nothing)
    step("suite: unlink one from the middle", linked.delete, main_id, "auth0", third_id)
    step("suite: unlink it again", linked.delete, main_id, "auth0", third_id)
    step("suite: the account it became", users.get, third.user_id, show=user)
    step("suite: unlink by a whole id", linked.delete, main_id, "auth0", second.user_id)
    step("suite: unlink", linked.delete, main_id, "auth0", second_id)
    step("suite: unlink the main identity", linked.delete, main_id, "auth0", bare(main_id))
    step("suite: delete what was unlinked", users.delete, second.user_id, show=nothing)
    step("suite: delete it again", users.delete, second.user_id, show=nothing)
    step("suite: list what was deleted", users.get, second.user_id, show=user)
    step("suite: delete with what is linked", users.delete, main_id, show=nothing)
    step("suite: list what was linked then", users.get, fourth.user_id, show=user)
    step("suite: delete the rest", users.delete, third.user_id, show=nothing)
