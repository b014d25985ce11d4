//! No secret leaves by a trace, a message or a Debug: every operation and kind of error is run at trace level and searched.

use std::{
    collections::BTreeSet,
    error::Error as StdError,
    fmt::{Debug, Write as _},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, prelude::*};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing_subscriber::fmt::MakeWriter;
use transport::{
    ClientCredentials, ErrorKind as Failure, Operation as _, PrivateKey, SigningAlgorithm,
};
use unlink::{
    AccessToken, ChangeIdentity, Client, CurrentUser, Error, IdentityKey, LinkOutcome, Outcome,
    Receipt, Secondary, Snapshot, UserId,
};
use unlink_sandbox::{Apply, Fault, Kind, Sandbox, Seed};

const IDP_TOKEN: &str = "planted+idp/access\"token";
const IDP_REFRESH: &str = "planted+idp/refresh\"token";
const KEY: &[u8] = include_bytes!("../../../sandbox/src/public-test-key.pem");
const UNLINKS: &str = "/api/v2/users/*/identities/*/*";

/// Everything that was traced or shown.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl io::Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Seen {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Seen {
    fn show(&self, value: &impl Debug) {
        let mut text = String::new();
        writeln!(text, "{value:?} {value:#?}").unwrap();
        io::Write::write_all(&mut self.clone(), text.as_bytes()).unwrap();
    }

    fn chain(&self, error: &dyn StdError) {
        self.show(&error);
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.show(&error.to_string());
            cause = error.source();
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// The forms a secret may be written in; base64 at each of the three places a secret can begin at.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let mut forms = vec![
        secret.to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        json[1..json.len() - 1].to_owned(),
    ];
    for offset in 0..3 {
        let padded = [&"x".repeat(offset), secret].concat();
        for encoded in [
            BASE64_STANDARD_NO_PAD.encode(&padded),
            BASE64_URL_SAFE_NO_PAD.encode(&padded),
        ] {
            // The outer characters depend on what stands beside the secret.
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    forms
}

fn found(text: &str, secret: &str) -> bool {
    forms(secret)
        .iter()
        .any(|form| text.contains(form.as_str()))
}

fn seed() -> Seed {
    let mut seed: serde_json::Value = serde_json::json!({
        "connections": [
            { "id": "con_0000000000000001", "name": "Users", "strategy": "auth0" },
            { "id": "con_0000000000000002", "name": "google-oauth2", "strategy": "google-oauth2" },
        ],
        "users": [],
    });
    let users = (0..8).map(|number| serde_json::json!({
        "user_id": format!("auth0|{number}"),
        "email": format!("user{number}@example.com"),
        "identities": [
            { "connection": "Users", "provider": "auth0", "user_id": number.to_string(), "isSocial": false },
            {
                "connection": "google-oauth2", "provider": "google-oauth2", "user_id": format!("g{number}"), "isSocial": true,
                "profileData": {}, "access_token": IDP_TOKEN, "refresh_token": IDP_REFRESH,
            },
        ],
    }));
    let single = serde_json::json!({
        "user_id": "auth0|9",
        "identities": [{ "connection": "Users", "provider": "auth0", "user_id": "9", "isSocial": false }],
    });
    seed["users"] = users.chain([single]).collect();
    Seed::from_json(&seed.to_string()).unwrap()
}

fn user(number: u8) -> UserId {
    format!("auth0|{number}").parse().unwrap()
}

fn google(number: u8) -> IdentityKey {
    format!("google-oauth2|g{number}").parse().unwrap()
}

fn client(sandbox: &Sandbox, token: &str) -> Client {
    let builder = transport::Client::builder(
        sandbox.url().parse().unwrap(),
        AccessToken::new(token).unwrap(),
    );
    short(builder)
}

fn short(builder: transport::ClientBuilder) -> Client {
    builder
        .attempt_timeout(Duration::from_millis(300))
        .deadline(Duration::from_secs(2))
        .build()
        .unwrap()
        .into()
}

/// Every operation, once as it should be.
async fn operations(
    sandbox: &Sandbox,
    seen: &Seen,
    client: &Client,
    user_token: &str,
    id_token: &str,
) {
    let all = client.with_ids_in_traces();
    seen.show(&all);
    let read = client.user(&user(0)).await.unwrap();
    assert_eq!(
        read.secondary_identities()[0]
            .access_token()
            .unwrap()
            .expose(),
        IDP_TOKEN,
        "it was really there"
    );
    seen.show(&read);
    seen.show(&client.users_by_email("user0@example.com").await.unwrap());
    let listed = client.identities(&user(0)).await.unwrap();
    seen.show(&listed);
    let snapshot = Snapshot::of(user(0), listed.identities().unwrap());
    seen.show(&snapshot);
    let outcome = client.unlink_seen(&snapshot, &google(0)).await.unwrap();
    seen.show(&outcome);
    let Outcome::Unlinked(_) = outcome else {
        panic!("{outcome:?}")
    };
    let account = Secondary::from(google(0)).in_connection("con_0000000000000002");
    seen.show(&account);
    let linked = all.link(&user(0), &account).await.unwrap();
    seen.show(&linked);
    let LinkOutcome::Linked(_) = linked else {
        panic!("{linked:?}")
    };
    seen.show(&client.unlink(&user(0), &google(0)).await.unwrap());
    seen.show(&client.unlink(&user(0), &google(0)).await.unwrap());
    seen.show(&client.unlink_unread(&user(1), &google(1)).await.unwrap());
    seen.show(
        &client
            .unlink_and_delete(&user(2), &google(2))
            .await
            .unwrap(),
    );
    let receipt = Receipt::new(user(0), google(0), sandbox.now());
    seen.show(&client.delete_separate(&receipt).await.unwrap());
    seen.show(&client.connection_id("Users").await.unwrap());
    let me = CurrentUser::new(
        sandbox.url().parse().unwrap(),
        AccessToken::new(user_token).unwrap(),
    )
    .unwrap();
    seen.show(&me);
    seen.show(&me.identities().await.unwrap());
    seen.show(&Secondary::from_id_token(id_token).unwrap());
    seen.show(&me.link(id_token).await.unwrap());
    seen.show(&me.unlink(&google(3)).await.unwrap());
}

/// The public types that hold a secret, or could, and that no operation hands out.
fn types(seen: &Seen, client: &Client, bearer: &str, id_token: &str) {
    let token = AccessToken::new(bearer).unwrap();
    seen.show(&token);
    let builder = transport::Client::builder("https://example.auth0.com".parse().unwrap(), token);
    let builder = builder
        .proxy(format!("http://me:{IDP_TOKEN}@proxy:1"), "")
        .extra_roots(KEY);
    seen.show(&builder);
    seen.show(client.transport());
    seen.show(&client.transport().call());
    let account = Secondary::from_id_token(id_token).unwrap();
    let nothing_seen = Snapshot::new(user(0), Vec::new());
    let link = ChangeIdentity::link(&nothing_seen, &account).unwrap();
    seen.show(&link);
    seen.show(link.request());
    let body = [
        r#"[{"provider":"github","user_id":1,"access_token":"#,
        &serde_json::to_string(IDP_TOKEN).unwrap(),
        "}]",
    ]
    .concat();
    let mut answer = http::Response::new(body.clone().into());
    answer
        .headers_mut()
        .insert("set-cookie", bearer.parse().unwrap());
    let answer = transport::Response::from(answer);
    seen.show(&answer);
    seen.show(answer.body());
    seen.show(&link.decode(&answer).unwrap());
    let identities = unlink::identity_model::identities_from_json(body.as_bytes()).unwrap();
    seen.show(&identities);
    seen.show(&serde_json::to_string(&identities).unwrap());
    seen.show(identities[0].access_token().unwrap());
}

/// Errors of every kind there is.
async fn failures(sandbox: &Sandbox, seen: &Seen, client: &Client) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    let mut note = |error: Error| {
        seen.chain(&error);
        if let Some(request) = error.request() {
            seen.chain(request);
            seen.show(&request.answer());
            seen.show(&request.hints());
        }
        kinds.insert(format!("{:?}", error.kind()));
    };
    let nobody: UserId = "auth0|nobody".parse().unwrap();
    note(
        client
            .unlink(&user(4), &"auth0|4".parse().unwrap())
            .await
            .unwrap_err(),
    );
    note(client.unlink(&user(4), &google(7)).await.unwrap_err());
    note(client.unlink(&nobody, &google(4)).await.unwrap_err());
    note(
        client
            .unlink_and_delete(&user(4), &"auth0|5".parse().unwrap())
            .await
            .unwrap_err(),
    );
    note(
        client
            .link(&user(4), &Secondary::from(google(5)))
            .await
            .unwrap_err(),
    );
    note(
        client
            .link(
                &user(4),
                &Secondary::from("auth0|9".parse::<IdentityKey>().unwrap()).in_connection("?"),
            )
            .await
            .unwrap_err(),
    );
    let path = format!("auth0|{}", "🦀".repeat(10_000)).parse().unwrap();
    note(client.identities(&path).await.unwrap_err());

    let limited = Kind::TooManyRequests {
        retry_after: Some(3600),
        reset_in: None,
    };
    let answer = |status| Kind::Status {
        status,
        headers: Default::default(),
        body: String::new(),
    };
    for (kind, times) in [
        (limited, 1),
        (answer(503), 9),
        (answer(400), 1),
        (Kind::ExpiredToken, 1),
        (Kind::Html, 9),
        (Kind::Stall { after: 1 }, 9),
        (Kind::Reset, 9),
    ] {
        sandbox.inject(Fault::new(kind).method("GET").times(times));
        note(client.identities(&user(4)).await.unwrap_err());
        sandbox.clear_faults();
    }
    sandbox.inject(Fault::new(Kind::Drop).apply(Apply::Never).path(UNLINKS));
    sandbox.inject(Fault::new(Kind::Drop).method("GET").skip(1));
    note(client.unlink(&user(4), &google(4)).await.unwrap_err());
    sandbox.clear_faults();
    let unchanged = format!(
        r#"[{{"provider":"auth0","user_id":"4"}},{{"provider":"google-oauth2","user_id":"g4","access_token":{}}}]"#,
        serde_json::to_string(IDP_TOKEN).unwrap()
    );
    sandbox.inject(
        Fault::new(Kind::Status {
            status: 200,
            headers: Default::default(),
            body: unchanged,
        })
        .path(UNLINKS)
        .times(1),
    );
    note(client.unlink(&user(4), &google(4)).await.unwrap_err());

    let bare = self::client(sandbox, &sandbox.token(&["read:users"]));
    note(bare.unlink(&user(4), &google(4)).await.unwrap_err());
    let wrong = ClientCredentials::new(sandbox.client_id(), "planted-wrong-secret");
    seen.show(&wrong);
    note(
        short(transport::Client::builder(
            sandbox.url().parse().unwrap(),
            wrong,
        ))
        .identities(&user(4))
        .await
        .unwrap_err(),
    );
    let closed = transport::Client::builder(
        "http://127.0.0.1:1".parse().unwrap(),
        AccessToken::new("planted-bearer").unwrap(),
    );
    note(short(closed).identities(&user(4)).await.unwrap_err());
    kinds
}

#[test]
fn no_secret_is_traced_shown_or_said() {
    let sandbox = Sandbox::builder()
        .seed(seed())
        .log_credentials(true)
        .start()
        .unwrap();
    let seen = Seen::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(seen.clone())
        .finish();
    let bearer = sandbox.token(&[
        "read:users",
        "update:users",
        "delete:users",
        "read:user_idp_tokens",
        "read:connections",
    ]);
    let user_token = sandbox.user_token(
        "auth0|3",
        &["read:current_user", "update:current_user_identities"],
    );
    let id_token = sandbox.id_token("auth0|9");
    let kinds = tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = client(&sandbox, &bearer);
            seen.show(&client);
            types(&seen, &client, &bearer, &id_token);
            operations(&sandbox, &seen, &client, &user_token, &id_token).await;
            let by_secret = ClientCredentials::new(sandbox.client_id(), sandbox.client_secret());
            seen.show(&by_secret);
            let by_secret = short(transport::Client::builder(
                sandbox.url().parse().unwrap(),
                by_secret,
            ));
            seen.show(&by_secret.identities(&user(4)).await.unwrap());
            let key = PrivateKey::from_pem(KEY, SigningAlgorithm::Rs256).unwrap();
            seen.show(&key);
            let by_key = ClientCredentials::with_private_key(sandbox.client_id(), key);
            seen.show(&by_key);
            let by_key = short(transport::Client::builder(
                sandbox.url().parse().unwrap(),
                by_key,
            ));
            // Whether the local tenant takes assertions or not, one was signed and sent.
            seen.show(
                &by_key
                    .identities(&user(4))
                    .await
                    .map_err(|error| seen.chain(&error)),
            );
            failures(&sandbox, &seen, &client).await
        })
    });

    for kind in ["MainIdentity", "NoSuchIdentity", "NotChanged", "NotProven"] {
        assert!(kinds.contains(kind), "{kind} among {kinds:?}");
    }
    for kind in [
        Failure::Input,
        Failure::Connect,
        Failure::Timeout,
        Failure::Interrupted,
        Failure::Token,
        Failure::Unauthorized,
        Failure::Forbidden,
        Failure::NotFound,
        Failure::Rejected,
        Failure::RateLimited,
        Failure::Unavailable,
        Failure::Decode,
        Failure::OutcomeUnknown,
    ] {
        assert!(
            kinds.contains(&format!("Request({kind:?})")),
            "{kind:?} among {kinds:?}"
        );
    }

    let text = seen.text();
    let received = serde_json::to_string(&sandbox.requests()).unwrap();
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let assertion = received
        .split("client_assertion\\\":\\\"")
        .nth(1)
        .and_then(|rest| rest.split("\\\"").next())
        .unwrap();
    for (secret, sent) in [
        (bearer.clone(), true),
        (signature(&bearer), true),
        (signature(&user_token), true),
        (signature(&id_token), true),
        (signature(assertion), true),
        (sandbox.client_secret().to_owned(), true),
        ("planted-wrong-secret".to_owned(), true),
        ("planted-bearer".to_owned(), false),
        (IDP_TOKEN.to_owned(), false),
        (IDP_REFRESH.to_owned(), false),
        (
            String::from_utf8_lossy(KEY)
                .lines()
                .nth(4)
                .unwrap()
                .to_owned(),
            false,
        ),
    ] {
        assert!(!found(&text, &secret), "{secret} got out");
        assert_eq!(
            found(&received, &secret),
            sent,
            "the search works: {secret}"
        );
    }
    assert!(
        text.contains("unlink identity") && text.contains("auth0|0"),
        "it was traced"
    );
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    for form in forms(IDP_TOKEN) {
        assert!(found(&format!("before {form} after"), IDP_TOKEN));
    }
    assert!(!found("nothing of it", IDP_TOKEN));
}
