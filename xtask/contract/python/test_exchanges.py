"""What a run for an owner refuses to send: everything that would touch what it did not make."""

import unittest

import exchanges

IDENTITIES = "/api/v2/users/auth0%7Cours/identities"
TABLE = [
    ("GET", "/api/v2/users/auth0%7Cforeign", None, True),
    ("POST", "/api/v2/users", {"email": "ours@example.com"}, True),
    ("POST", "/api/v2/users", {"email": "foreign@example.com"}, False),
    ("DELETE", "/api/v2/users/auth0%7Cours", None, True),
    ("DELETE", "/api/v2/users/auth0|ours", None, True),
    ("DELETE", "/api/v2/users/auth0%7Cforeign", None, False),
    ("PATCH", "/api/v2/users/auth0%7Cforeign", {"blocked": True}, False),
    ("DELETE", "/api/v2/users/auth0%7Cforeign/identities/auth0/ours", None, False),
    ("POST", IDENTITIES, {"provider": "auth0", "user_id": "other"}, True),
    ("POST", IDENTITIES, {"provider": "auth0", "user_id": "auth0|other"}, True),
    ("POST", IDENTITIES, {"provider": "auth0", "user_id": "foreign"}, False),
    ("POST", IDENTITIES, {"link_with": "eyJ.eyJ.x"}, False),
    ("DELETE", "/api/v2/users", None, False),
]


class Harmless(unittest.TestCase):
    def test_what_would_do_harm_is_told_from_what_would_not(self):
        exchanges.announce("ours@example.com")
        exchanges.made("auth0|ours")
        exchanges.made("auth0|other")
        for method, path, body, harmless in TABLE:
            with self.subTest(f"{method} {path} {body}"):
                self.assertEqual(exchanges.is_harmless(method, path, body), harmless)

    def test_what_would_do_harm_is_not_sent(self):
        with self.assertRaisesRegex(RuntimeError, "refused to send DELETE"):
            exchanges.noting().delete("https://127.0.0.1:1/api/v2/users/auth0%7Cforeign")


if __name__ == "__main__":
    unittest.main()
