//! The authentication side: the token endpoint, the keys, the discovery document, and the tokens themselves.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::call::{Inbound, Reply};
use crate::clock::Millis;
use crate::engine::Engine;
use crate::events::What;
use crate::provenance::Behaviour;
use crate::{assertion, jwt, keys};

/// The tenant's machine-to-machine application.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    /// What it is granted on the Management API.
    pub(crate) scopes: Vec<String>,
    /// Seconds.
    pub(crate) token_lifetime: i64,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            id: "SandboxPublicTestClientId0123456",
            secret: "sandbox-public-test-client-secret-which-guards-nothing-0123456789",
            scopes: GRANTED.iter().map(|scope| (*scope).to_owned()).collect(),
            token_lifetime: 86_400,
        }
    }
}

/// Every scope a machine can use on this tenant.
const GRANTED: &[&str] = &[
    "read:users",
    "update:users",
    "delete:users",
    "create:users",
    "update:users_app_metadata",
    "read:user_idp_tokens",
    "read:connections",
    "read:logs",
];

/// A refusal of the token endpoint.
struct Refused(StatusCode, &'static str, String);

/// `POST /oauth/token`: client credentials, as a form or as JSON, the secret in the body or in a Basic header, or a
/// signed assertion in its place.
pub(crate) fn token(engine: &mut Engine, inbound: &Inbound, now: Millis) -> Reply {
    let granted = grant(engine, inbound, now);
    if engine.rules.leans_on(Behaviour::TokenErrors)
        && let Err(only_inferred) = engine.rules.decide(Behaviour::TokenErrors)
    {
        return Reply::from(only_inferred);
    }
    let exchanged = exchanged(inbound, granted.as_ref());
    engine.log(inbound, exchanged);
    let reply = match granted {
        Ok(body) => Reply::json(StatusCode::OK, &body),
        Err(Refused(status, error, description)) => Reply::json(
            status,
            &json!({ "error": error, "error_description": description }),
        ),
    };
    plain(reply)
}

/// What the tenant's log tells of it.
fn exchanged(inbound: &Inbound, granted: Result<&Value, &Refused>) -> What {
    let body = parameters(inbound);
    let given = |key: &str| body.get(key).and_then(Value::as_str);
    let basic = basic_credentials(&inbound.headers);
    let client_id = basic.as_ref().map(|(id, _)| id.as_str());
    let scope = granted.ok().and_then(|body| body["scope"].as_str());
    let refusal = granted.err().map(|Refused(_, _, problem)| &**problem);
    let text = |text: Option<&str>| text.map(Into::into);
    What::Exchanged {
        granted: granted.is_ok(),
        client_id: text(client_id.or_else(|| given("client_id"))),
        audience: text(given("audience")),
        scope: text(scope),
        refusal: text(refusal),
    }
}

/// The headers recorded on answers of the token endpoint.
pub(crate) fn plain(reply: Reply) -> Reply {
    reply
        .with(CONTENT_TYPE, "application/json")
        .with(CACHE_CONTROL, "no-store")
        .with(PRAGMA, "no-cache")
}

fn grant(engine: &mut Engine, inbound: &Inbound, now: Millis) -> Result<Value, Refused> {
    let settings = Arc::clone(&engine.settings);
    let client = &settings.client;
    let body = parameters(inbound);
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let missing = |key: &str| {
        let description = format!("Missing required parameter: {key}");
        Refused(StatusCode::BAD_REQUEST, "invalid_request", description)
    };
    let grant_type = text("grant_type").ok_or_else(|| {
        engine.rules.detail(Behaviour::TokenErrors);
        missing("grant_type")
    })?;
    if grant_type != "client_credentials" {
        engine.rules.detail(Behaviour::TokenErrors);
        let description = format!("Unsupported grant type: {grant_type}");
        return Err(Refused(
            StatusCode::FORBIDDEN,
            "unsupported_grant_type",
            description,
        ));
    }
    let basic = basic_credentials(&inbound.headers);
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (text("client_id"), text("client_secret")),
    };
    let assertion =
        text("client_assertion").filter(|_| text("client_assertion_type") == Some(assertion::TYPE));
    let Some(id) = id.or_else(|| assertion.map(|_| client.id)) else {
        engine.rules.detail(Behaviour::TokenErrors);
        return Err(missing("client_id"));
    };
    match assertion {
        Some(assertion) if id == client.id => {
            let spent = &mut engine.spent_assertions;
            assertion::check(assertion, id, &inbound.base_url, now, spent).map_err(|problem| {
                engine.rules.detail(Behaviour::TokenErrors);
                Refused(
                    StatusCode::UNAUTHORIZED,
                    "invalid_client",
                    problem.to_owned(),
                )
            })?;
        }
        None if id == client.id && secret == Some(client.secret) => {}
        _ => {
            return Err(Refused(
                StatusCode::UNAUTHORIZED,
                "access_denied",
                "Unauthorized".into(),
            ));
        }
    }
    let Some(audience) = text("audience") else {
        engine.rules.detail(Behaviour::TokenErrors);
        let description =
            "No audience parameter was provided, and no default audience has been configured";
        return Err(Refused(
            StatusCode::FORBIDDEN,
            "access_denied",
            description.into(),
        ));
    };
    if audience.strip_prefix(&inbound.base_url) != Some("/api/v2/") {
        let description = format!("Service not enabled within domain: {audience}");
        return Err(Refused(StatusCode::FORBIDDEN, "access_denied", description));
    }
    let expires_at = now.seconds() + client.token_lifetime;
    Ok(json!({
        "access_token": machine_token(client, &inbound.base_url, &client.scopes, expires_at),
        "scope": client.scopes.join(" "),
        "expires_in": client.token_lifetime,
        "token_type": "Bearer",
    }))
}

fn parameters(inbound: &Inbound) -> Map<String, Value> {
    if inbound.is_form() {
        let fields = form_urlencoded::parse(&inbound.body);
        return fields
            .map(|(key, value)| (key.into_owned(), value.into_owned().into()))
            .collect();
    }
    serde_json::from_slice(&inbound.body).unwrap_or_default()
}

/// The id and secret of a Basic header; each part is form-encoded (RFC 6749, section 2.3.1).
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |part: &str| {
        let spaced = part.replace('+', " ");
        Some(
            percent_encoding::percent_decode_str(&spaced)
                .decode_utf8()
                .ok()?
                .into_owned(),
        )
    };
    Some((plain(id)?, plain(secret)?))
}

/// An access token of the machine-to-machine application, expiring at this Unix time.
pub(crate) fn machine_token(
    client: &Client,
    base_url: &str,
    scopes: &[impl AsRef<str>],
    expires_at: i64,
) -> String {
    jwt::encode(&json!({
        "iss": format!("{base_url}/"),
        "sub": format!("{}@clients", client.id),
        "aud": format!("{base_url}/api/v2/"),
        "iat": expires_at.saturating_sub(client.token_lifetime),
        "exp": expires_at,
        "azp": client.id,
        "scope": joined(scopes),
        "gty": "client-credentials",
    }))
}

/// How long a user's own access token is good, in seconds, if nothing else is said.
pub(crate) const USER_TOKEN_LIFETIME: i64 = 2 * 60 * 60;

/// The same for an ID token.
pub(crate) const ID_TOKEN_LIFETIME: i64 = 10 * 60 * 60;

/// A user's own access token, expiring at this Unix time.
pub(crate) fn user_token(
    client: &Client,
    base_url: &str,
    user_id: &str,
    scopes: &[impl AsRef<str>],
    now: Millis,
    expires_at: i64,
) -> String {
    jwt::encode(&json!({
        "iss": format!("{base_url}/"),
        "sub": user_id,
        "aud": format!("{base_url}/api/v2/"),
        "iat": now.seconds(),
        "exp": expires_at,
        "azp": client.id,
        "scope": joined(scopes),
    }))
}

/// An ID token of a user, as a login of the application would give: what `link_with` takes.
pub(crate) fn id_token(
    client: &Client,
    base_url: &str,
    user_id: &str,
    now: Millis,
    expires_at: i64,
) -> String {
    jwt::encode(&json!({
        "iss": format!("{base_url}/"),
        "sub": user_id,
        "aud": client.id,
        "iat": now.seconds(),
        "exp": expires_at,
    }))
}

fn joined(scopes: &[impl AsRef<str>]) -> String {
    let scopes: Vec<&str> = scopes.iter().map(AsRef::as_ref).collect();
    scopes.join(" ")
}

/// `GET /.well-known/jwks.json`.
pub(crate) fn jwks(_: &mut Engine, _: &Inbound, _: Millis) -> Reply {
    Reply::json(StatusCode::OK, &keys::jwks())
}

/// `GET /.well-known/openid-configuration`: of the published document, what this tenant serves.
pub(crate) fn openid_configuration(_: &mut Engine, inbound: &Inbound, _: Millis) -> Reply {
    let base_url = &inbound.base_url;
    let body = json!({
        "issuer": format!("{base_url}/"),
        "token_endpoint": format!("{base_url}/oauth/token"),
        "jwks_uri": format!("{base_url}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "PS256"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
        "response_types_supported": ["token"],
    });
    Reply::json(StatusCode::OK, &body)
}
