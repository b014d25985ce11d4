//! Any sequence of calls leaves a tenant that makes sense, and a log of effects that tells exactly what changed.

use std::collections::{BTreeMap, BTreeSet};

use proptest::num::f64::NORMAL;
use proptest::prelude::*;
use serde_json::{Value, json};
use unlink_sandbox::{Change, Sandbox, Seed};

use crate::client::Session;

/// A call; numbers choose among the users and identities there are at the time.
#[derive(Clone, Debug)]
enum Call {
    Create { number: u8, metadata: bool },
    Update { user: usize, field: u8, number: f64 },
    Delete { user: usize },
    DeleteLinked { user: usize },
    Link { user: usize, secondary: usize },
    Unlink { user: usize, identity: usize },
    UnlinkNothing { user: usize },
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        2 => (any::<u8>(), any::<bool>()).prop_map(|(number, metadata)| Call::Create { number, metadata }),
        2 => (any::<usize>(), 0..8_u8, NORMAL).prop_map(|(user, field, number)| Call::Update { user, field, number }),
        1 => any::<usize>().prop_map(|user| Call::Delete { user }),
        1 => any::<usize>().prop_map(|user| Call::DeleteLinked { user }),
        5 => (any::<usize>(), any::<usize>()).prop_map(|(user, secondary)| Call::Link { user, secondary }),
        5 => (any::<usize>(), any::<usize>()).prop_map(|(user, identity)| Call::Unlink { user, identity }),
        1 => any::<usize>().prop_map(|user| Call::UnlinkNothing { user }),
    ]
}

/// The users by id.
type Users = BTreeMap<String, Value>;

fn users(sandbox: &Sandbox) -> Users {
    let id = |user: &Value| user["user_id"].as_str().unwrap().to_owned();
    sandbox
        .users()
        .into_iter()
        .map(|user| (id(&user), user))
        .collect()
}

fn identities(user: &Value) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let id = |identity: &Value| {
        format!(
            "{}|{}",
            text(&identity["provider"]),
            text(&identity["user_id"])
        )
    };
    user["identities"]
        .as_array()
        .unwrap()
        .iter()
        .map(id)
        .collect()
}

fn encoded(segment: &str) -> String {
    segment
        .replace('%', "%25")
        .replace('|', "%7C")
        .replace('@', "%40")
        .replace('/', "%2F")
}

fn pick(users: &Users, number: usize) -> Option<(&String, &Value)> {
    users.iter().nth(number.checked_rem(users.len())?)
}

/// Makes a call; gives the status.
fn make(session: &mut Session, before: &Users, call: &Call) -> Option<u16> {
    let base = |id: &str| format!("/api/v2/users/{}", encoded(id));
    let (method, target, body) = match call {
        Call::Create { number, metadata } => {
            let mut body = json!({
                "connection": "Username-Password-Authentication", "password": "p",
                "email": format!("made-{number}@example.com"),
            });
            if *metadata {
                body["user_metadata"] = json!({ "kept": number });
                body["app_metadata"] = json!({ "kept": number });
            }
            ("POST", "/api/v2/users".to_owned(), Some(body))
        }
        Call::Update {
            user,
            field,
            number,
        } => {
            let body = match field {
                0 => json!({ "user_metadata": { "colour": "blue" } }),
                1 => json!({ "app_metadata": { "colour": null, "size": 3 } }),
                2 => json!({ "blocked": true }),
                3 => json!({ "nickname": "nick" }),
                4 => json!({ "blocked": null, "nickname": null, "picture": null }),
                5 => json!({ "user_metadata": null }),
                6 => {
                    json!({ "app_metadata": { "number": number, "deep": { "kept": null, "numbers": [number] } } })
                }
                _ => json!({ "user_metadata": {}, "app_metadata": {} }),
            };
            ("PATCH", base(pick(before, *user)?.0), Some(body))
        }
        Call::Delete { user } => ("DELETE", base(pick(before, *user)?.0), None),
        Call::DeleteLinked { user } => {
            let linked = identities(pick(before, *user)?.1).pop()?;
            ("DELETE", base(&linked), None)
        }
        Call::Link { user, secondary } => {
            let (provider, id) = pick(before, *secondary)?.0.split_once('|')?;
            let body = json!({ "provider": provider, "user_id": id });
            (
                "POST",
                format!("{}/identities", base(pick(before, *user)?.0)),
                Some(body),
            )
        }
        Call::Unlink { user, identity } => {
            let (id, user) = pick(before, *user)?;
            let all = identities(user);
            let (provider, identity) = all[identity % all.len()].split_once('|')?;
            (
                "DELETE",
                format!("{}/identities/{provider}/{}", base(id), encoded(identity)),
                None,
            )
        }
        Call::UnlinkNothing { user } => (
            "DELETE",
            format!("{}/identities/github/0", base(pick(before, *user)?.0)),
            None,
        ),
    };
    Some(session.send(method, &target, body.as_ref()).status)
}

/// Every identity is in one place, a user's first identity is its own, and the whole can be read back as a seed.
fn check_whole(sandbox: &Sandbox, users: &Users) {
    let mut seen = BTreeSet::new();
    for (id, user) in users {
        let identities = identities(user);
        assert_eq!(identities.first(), Some(id));
        assert_eq!(user["identities"][0].get("profileData"), None);
        for identity in identities {
            assert!(seen.insert(identity.clone()), "{identity} is in two places");
        }
    }
    let state = sandbox.state();
    let restored = Sandbox::builder()
        .seed(Seed::from_json(&state.to_string()).unwrap())
        .start()
        .unwrap();
    assert_eq!(restored.state(), state);
    assert_eq!(restored.users(), sandbox.users());
}

/// The changes that lead from one state to the other.
fn difference(before: &Users, after: &Users) -> BTreeSet<String> {
    let text = |change: Value| change.to_string();
    let mut changes = BTreeSet::new();
    for id in before.keys().filter(|id| !after.contains_key(*id)) {
        changes.insert(text(json!({ "type": "user.deleted", "user_id": id })));
    }
    for (id, new) in after {
        let new_linked: BTreeSet<String> = identities(new).into_iter().skip(1).collect();
        let Some(old) = before.get(id) else {
            changes.insert(text(json!({ "type": "user.created", "user_id": id })));
            assert!(
                new_linked.is_empty(),
                "{id} was made with linked identities"
            );
            continue;
        };
        let old_linked: BTreeSet<String> = identities(old).into_iter().skip(1).collect();
        for identity in old_linked.difference(&new_linked) {
            changes.insert(text(
                json!({ "type": "identity.unlinked", "user_id": id, "identity": identity }),
            ));
        }
        for identity in new_linked.difference(&old_linked) {
            changes.insert(text(
                json!({ "type": "identity.linked", "user_id": id, "identity": identity }),
            ));
        }
        let (old_keys, new_keys) = (old.as_object().unwrap(), new.as_object().unwrap());
        let keys: BTreeSet<&String> = old_keys.keys().chain(new_keys.keys()).collect();
        let fields: Vec<&String> = keys
            .into_iter()
            .filter(|key| old_keys.get(*key) != new_keys.get(*key))
            .collect();
        // Linking and unlinking touch the date too.
        if !fields.is_empty() && old_linked == new_linked {
            changes.insert(text(
                json!({ "type": "user.updated", "user_id": id, "fields": fields }),
            ));
        }
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_keeps_the_tenant_whole(calls in prop::collection::vec(call(), 1..40)) {
        let sandbox = Sandbox::builder().frozen_at(std::time::UNIX_EPOCH).start().unwrap();
        let scopes = ["create:users", "update:users", "delete:users"];
        let mut session = Session::new(&sandbox, &sandbox.token(&scopes));
        let mut before = users(&sandbox);
        for call in &calls {
            sandbox.advance(std::time::Duration::from_secs(1));
            let logged = sandbox.effects().len();
            let Some(status) = make(&mut session, &before, call) else { continue };
            let after = users(&sandbox);
            let changes: Vec<Change> = sandbox.effects().drain(logged..).map(|effect| effect.change).collect();
            let told: BTreeSet<String> = changes.iter().map(|change| serde_json::to_value(change).unwrap().to_string()).collect();
            prop_assert_eq!(told.len(), changes.len());
            prop_assert_eq!(&told, &difference(&before, &after), "{:?}", call);
            if status >= 300 {
                prop_assert_eq!(&after, &before);
            } else if let Call::Update { user, field: 6, number } = call {
                let (id, _) = pick(&before, *user).unwrap();
                prop_assert_eq!(&after[id]["app_metadata"]["number"], &json!(number));
            }
            for user in after.values() {
                prop_assert!(user.as_object().unwrap().values().all(|value| !value.is_null()));
            }
            if matches!(call, Call::Unlink { .. }) {
                for id in after.keys().filter(|id| !before.contains_key(*id)) {
                    prop_assert_eq!(after[id].get("user_metadata"), None);
                    prop_assert_eq!(after[id].get("app_metadata"), None);
                }
            }
            before = after;
        }
        check_whole(&sandbox, &before);
    }

    #[test]
    fn unlinking_and_linking_again_gives_back_the_same_identity(
        calls in prop::collection::vec(call(), 0..20),
        user in any::<usize>(),
        identity in any::<usize>(),
    ) {
        let sandbox = Sandbox::start().unwrap();
        let scopes = ["create:users", "update:users", "delete:users"];
        let mut session = Session::new(&sandbox, &sandbox.token(&scopes));
        for call in &calls {
            make(&mut session, &users(&sandbox), call);
        }
        let before = users(&sandbox);
        let Some((id, account)) = pick(&before, user) else { return Ok(()) };
        let linked = account["identities"].as_array().unwrap();
        prop_assume!(linked.len() > 1);
        let position = 1 + identity % (linked.len() - 1);
        let key = identities(account)[position].clone();
        let (provider, identity_id) = key.split_once('|').unwrap();
        let base = format!("/api/v2/users/{}/identities", encoded(id));
        prop_assert_eq!(session.send("DELETE", &format!("{base}/{provider}/{}", encoded(identity_id)), None).status, 200);
        let body = json!({ "provider": provider, "user_id": identity_id });
        prop_assert_eq!(session.send("POST", &base, Some(&body)).status, 201);
        let after = sandbox.user(id).unwrap();
        prop_assert_eq!(after["identities"].as_array().unwrap().last(), Some(&linked[position]));
        prop_assert_eq!(after["user_metadata"].clone(), account["user_metadata"].clone());
    }
}
