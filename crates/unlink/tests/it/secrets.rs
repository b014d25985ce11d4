//! No secret leaves by a trace, a message or a Debug: every operation and kind of error is run at trace level and searched.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use transport::{
    BoxFuture, Channel, ClientCredentials, Delivery, ErrorKind as Failure, Operation as _, Path,
    PrivateKey, RoundTripError, RoundTripFailure, ScriptedRoundTrip, Settled, SigningAlgorithm,
    TokenSource,
};
use unlink::{
    AccessToken, ChangeIdentity, Client, CurrentUser, DeleteAccount, Deletion, Error,
    FindConnection, FindUsersByEmail, GetUser, IdentityKey, LinkOutcome, ListIdentities, Outcome,
    ParseIdError, Receipt, Secondary, Snapshot, TakeSnapshot, UserId,
    identity_model::{self, listed_identities},
};
use unlink_sandbox::{Apply, Fault, Kind, Sandbox, Seed};

use crate::seen::{Seen, exported, forms, found};

const IDP_TOKEN: &str = "planted+idp/access\"token";
const IDP_REFRESH: &str = "planted+idp/refresh\"token";
const KEY: &[u8] = include_bytes!("../../../sandbox/src/public-test-key.pem");
const UNLINKS: &str = "/api/v2/users/*/identities/*/*";

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
    let Outcome::Unlinked(unlinked) = outcome else {
        panic!("{outcome:?}")
    };
    seen.show(&unlinked);
    seen.show(&Receipt::of(&unlinked));
    let account = Secondary::from(google(0)).in_connection("con_0000000000000002");
    seen.show(&account);
    let linked = all.link(&user(0), &account).await.unwrap();
    seen.show(&linked);
    let LinkOutcome::Linked(linked) = linked else {
        panic!("{linked:?}")
    };
    seen.show(&linked);
    seen.show(&client.unlink(&user(0), &google(0)).await.unwrap());
    match client.unlink(&user(0), &google(0)).await.unwrap() {
        Outcome::NotLinked(not) => seen.show(&not),
        other => panic!("{other:?}"),
    }
    match client.unlink_unread(&user(1), &google(1)).await.unwrap() {
        Outcome::Absent(absent) => seen.show(&absent),
        other => panic!("{other:?}"),
    }
    let both = client.unlink_and_delete(&user(2), &google(2));
    seen.show(&both.await.unwrap());
    let receipt = Receipt::new(user(0), google(0), sandbox.now());
    let deleted = client.delete_separate(&receipt).await.unwrap();
    seen.show(&deleted);
    seen.show(&receipt.gains(&deleted.account));
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

/// A source that shows the way to its token.
struct Showing(Seen, AccessToken);

impl TokenSource for Showing {
    fn token(&self, channel: &Channel) -> BoxFuture<Result<AccessToken, transport::Error>> {
        self.0.show(channel);
        let token = self.1.clone();
        Box::pin(async move { Ok(token) })
    }
}

/// The public types that no operation hands out, with secrets in those that can hold one.
async fn types(sandbox: &Sandbox, seen: &Seen, client: &Client, bearer: &str, id_token: &str) {
    let token = AccessToken::new(bearer).unwrap();
    seen.show(&token);
    let tenant: unlink::Tenant = "https://example.auth0.com".parse().unwrap();
    seen.say(&tenant);
    seen.say(
        &"https://me:planted-bearer@example.com"
            .parse::<unlink::Tenant>()
            .unwrap_err(),
    );
    let builder = transport::Client::builder(tenant, token.clone());
    let builder = builder
        .proxy(format!("http://me:{IDP_TOKEN}@proxy:1"), "")
        .extra_roots(KEY);
    seen.show(&builder);
    seen.show(client.transport());
    seen.show(&client.transport().call());
    let reserve = transport::Reserve::percent(10.0).unwrap();
    seen.show(&reserve);
    seen.show(&transport::Pacing::default().reserve(reserve));
    seen.show(&transport::Priority::Bulk);
    let showing = Showing(seen.clone(), token);
    let showing = transport::Client::builder(sandbox.url().parse().unwrap(), showing);
    let read = short(showing).transport().call();
    let answered = read
        .execute(ListIdentities::new(&user(4)).unwrap())
        .await
        .unwrap();
    seen.show(&answered);
    seen.show(&answered.settled_by);
    seen.show(&answered.response.rate_limit());
    let script = ScriptedRoundTrip::new().answer(200, IDP_TOKEN);
    let scripted = transport::Client::builder(
        "a.auth0.com".parse().unwrap(),
        AccessToken::new(bearer).unwrap(),
    );
    let scripted: Client = scripted.round_trip(script.clone()).build().unwrap().into();
    scripted.user(&user(0)).await.unwrap_err();
    assert!(
        script.requests()[0].headers()["authorization"]
            .to_str()
            .unwrap()
            .contains(bearer)
    );
    seen.show(&script);

    let account = Secondary::from_id_token(id_token).unwrap();
    let nothing_seen = Snapshot::new(user(0), Vec::new());
    let link = ChangeIdentity::link(&nothing_seen, &account).unwrap();
    seen.show(&link);
    seen.show(link.request());
    let idp_token = serde_json::to_string(IDP_TOKEN).unwrap();
    let element = [
        r#"{"provider":"github","user_id":1,"access_token":"#,
        &idp_token,
        "}",
    ]
    .concat();
    let body = ["[", &element, "]"].concat();
    let mut answer = http::Response::new(body.clone().into());
    answer
        .headers_mut()
        .insert("set-cookie", bearer.parse().unwrap());
    let answer = transport::Response::from(answer);
    seen.show(&answer);
    seen.show(answer.body());
    seen.show(&link.decode(&answer).unwrap());
    seen.show(
        &link
            .decode(&http::Response::new(idp_token.clone().into()).into())
            .unwrap_err(),
    );
    let identities = identity_model::identities_from_json(body.as_bytes()).unwrap();
    seen.show(&identities);
    seen.show(&serde_json::to_string(&identities).unwrap());
    seen.show(identities[0].access_token().unwrap());

    let full = [r#"{"user_id":"github|1","identities":"#, &body, "}"].concat();
    let full = http::Response::new(bytes::Bytes::from(full));
    let delete = DeleteAccount::new(
        &Receipt::new(user(0), "github|1".parse().unwrap(), sandbox.now()),
        unlink::User::from_json(full.body()).unwrap(),
    );
    let delete = delete.unwrap();
    seen.show(&delete);
    seen.show(&delete.settle(&full.into()).unwrap());
    seen.show(&Settled::Done(Deletion::Done));
    seen.show(&GetUser::new(&user(0)).unwrap());
    seen.show(&ListIdentities::new(&user(0)).unwrap());
    seen.show(&TakeSnapshot::new(&user(0)).unwrap());
    seen.show(&FindConnection::new("Users").unwrap());
    seen.show(&FindUsersByEmail::new("user0@example.com").unwrap());

    seen.say(&user(0));
    seen.say(&google(0));
    seen.say(google(0).user_id());
    seen.say(google(0).provider());
    seen.show(&google(0).provider().known());
    let odd = [r#"[{"provider":null,"access_token":"#, &idp_token, "}]"].concat();
    seen.say(
        &listed_identities(odd.as_bytes()).unwrap()[0]
            .as_ref()
            .unwrap_err(),
    );
    seen.say(&unlink::User::from_json(idp_token.as_bytes()).unwrap_err());
    let refused: ParseIdError = "no-bar".parse::<IdentityKey>().unwrap_err();
    seen.say(&refused);
    seen.show(&refused.kind());
    let profile = [
        r#"{"user_id":"a|1","x":"#,
        &idp_token,
        r#","identities":[{"provider":"a","user_id":"1","profileData":{"email":"a@example.com"}}]}"#,
    ];
    let profile = unlink::User::from_json(profile.concat().as_bytes()).unwrap();
    seen.show(&profile.identities().unwrap()[0].profile_data());
    seen.show(profile.identities().unwrap()[0].other());

    seen.say(&Path::new(["api", "v2"]).unwrap());
    seen.say(&Path::new([".."]).unwrap_err());
    let lost = RoundTripError::new(Delivery::MaybeSent, RoundTripFailure::Interrupted);
    seen.show(&(lost.delivery(), lost.failure()));
    seen.say(&lost);
    seen.show(&SigningAlgorithm::Rs256);
}

/// What is traced of HTTP/2 and TLS is traced by others; returns the bearer token that was sent.
async fn over_http_2(seen: &Seen) -> String {
    let sandbox = Sandbox::builder().tls().seed(seed()).log_credentials(true);
    let sandbox = sandbox.start().unwrap();
    let credentials = ClientCredentials::new(sandbox.client_id(), sandbox.client_secret());
    let builder = transport::Client::builder(sandbox.url().parse().unwrap(), credentials);
    let builder = builder.extra_roots(sandbox.ca_pem().unwrap());
    let client: Client = builder.build().unwrap().into();
    seen.show(&client.unlink(&user(6), &google(6)).await.unwrap());
    let sent = sandbox.requests();
    let bearer = sent
        .iter()
        .find_map(|request| request.headers.get("authorization"));
    bearer.unwrap().trim_start_matches("Bearer ").to_owned()
}

const LINK: &str = "planted-signature-of-a-link";

/// A file behind a link that lets anyone have it.
async fn downloads(seen: &Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = format!(
        "http://{}/users?signature={LINK}",
        listener.local_addr().unwrap()
    );
    let server = thread::spawn(move || {
        for answer in ["200 OK", "403 Forbidden"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = String::new();
            let mut lines = BufReader::new(&stream);
            while !head.ends_with("\r\n\r\n") {
                lines.read_line(&mut head).unwrap();
            }
            assert!(head.contains(LINK), "{head}");
            let rest = "connection: close\r\ncontent-length: 2\r\n\r\n[]";
            write!(stream, "HTTP/1.1 {answer}\r\n{rest}").unwrap();
        }
    });
    let downloads = transport::Downloads::new();
    let downloads = downloads.proxy(format!("http://me:{IDP_TOKEN}@proxy:1"), "*");
    seen.show(&downloads);
    let mut file = downloads.get(&link).await.unwrap();
    assert_eq!(file.chunk().await.unwrap().unwrap(), "[]");
    seen.show(&file);
    seen.chain(&downloads.get(&link).await.unwrap_err());
    seen.chain(
        &downloads
            .get(&link.replace("127.0.0.1", "example.com"))
            .await
            .unwrap_err(),
    );
    server.join().unwrap();
}

/// Errors of every kind there is.
async fn failures(sandbox: &Sandbox, seen: &Seen, client: &Client) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    let mut note = |error: Error| {
        seen.chain(&error);
        seen.say(&error);
        seen.show(&error.kind());
        seen.show(&error.listed());
        if let Some(request) = error.request() {
            seen.chain(request);
            seen.say(request);
            seen.show(&request.kind());
            seen.show(&request.hints());
            request.hints().iter().for_each(|hint| seen.say(hint));
            request
                .answer()
                .into_iter()
                .for_each(|answer| seen.say(answer));
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

    // More than was split off: it has a second identity.
    let receipt = Receipt::new(user(4), "auth0|5".parse().unwrap(), sandbox.now());
    note(client.delete_separate(&receipt).await.unwrap_err());
    let twins = r#"{"identities":[{"provider":"auth0","user_id":"4"},{"provider":"auth0","user_id":"2"},{"provider":"auth0","user_id":"2"}]}"#;
    let twins = Kind::Status {
        status: 200,
        headers: Default::default(),
        body: twins.to_owned(),
    };
    sandbox.inject(Fault::new(twins).method("GET").times(1));
    note(
        client
            .unlink(&user(4), &"auth0|2".parse().unwrap())
            .await
            .unwrap_err(),
    );

    let answer = |status| Kind::Status {
        status,
        headers: Default::default(),
        body: String::new(),
    };
    for (kind, times) in [
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
    // The last, since the client keeps to what it was told.
    let limited = Kind::TooManyRequests {
        retry_after: Some(3600),
        reset_in: None,
    };
    sandbox.inject(Fault::new(limited).method("GET").times(1));
    note(client.identities(&user(4)).await.unwrap_err());
    sandbox.clear_faults();
    kinds
}

#[test]
fn no_secret_is_traced_shown_or_said() {
    let sandbox = Sandbox::builder()
        .seed(seed())
        .plan(unlink_sandbox::Plan::custom(1_000, 1_000))
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
    let (kinds, other_bearer) = tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let client = client(&sandbox, &bearer);
            seen.show(&client);
            types(&sandbox, &seen, &client, &bearer, &id_token).await;
            operations(&sandbox, &seen, &client, &user_token, &id_token).await;
            let pace = client.transport().pace();
            seen.show(&pace);
            seen.show(&pace.limits[0]);
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
            downloads(&seen).await;
            let other_bearer = over_http_2(&seen).await;
            (failures(&sandbox, &seen, &client).await, other_bearer)
        })
    });

    for kind in [
        "MainIdentity",
        "NoSuchIdentity",
        "Ambiguous",
        "NotChanged",
        "NotProven",
        "InUse",
    ] {
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
        Failure::Conflict,
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

    let exported = [
        exported("unlink", include_str!("../../src/lib.rs")),
        exported("transport", include_str!("../../../transport/src/lib.rs")),
        exported(
            "identity_model",
            include_str!("../../../identity-model/src/lib.rs"),
        ),
    ];
    let missing = seen.missing(exported.into_iter().flatten().collect());
    assert!(missing.is_empty(), "not shown: {missing:?}");

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
        (other_bearer.clone(), false),
        (signature(&other_bearer), false),
        (LINK.to_owned(), false),
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
    for traced in ["unlink identity", "auth0|0", "hyper_util::", "h2::"] {
        assert!(text.contains(traced), "{traced}");
    }
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    for form in forms(IDP_TOKEN) {
        assert!(found(&format!("before {form} after"), IDP_TOKEN));
    }
    assert!(!found("nothing of it", IDP_TOKEN));
}
