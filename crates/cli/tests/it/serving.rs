//! `auth0-unlink sandbox` in a process of its own, and tokens that only a login would give.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

use crate::support::cli;

/// A running `auth0-unlink sandbox`; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) out: BufReader<ChildStdout>,
}

impl Serving {
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut command = cli(&[&["sandbox"], words].concat()).into_command();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }
}

impl Serving {
    pub(crate) fn stop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A token of a local tenant for any claims, signed with the key that all of them share.
fn signed(claims: &Value) -> String {
    let pem = include_str!("../../../sandbox/src/public-test-key.pem");
    let base64 = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"));
    let base64: String = base64.filter(|line| !line.starts_with("-----")).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap();
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encoded(&header), encoded(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What a login of `user` at the tenant would give: an access token with these scopes.
pub(crate) fn user_token(ready: &Value, user: &str, scopes: &str) -> String {
    let url = ready["url"].as_str().unwrap();
    signed(&json!({
        "iss": format!("{url}/"), "sub": user, "aud": format!("{url}/api/v2/"),
        "azp": ready["client_id"], "scope": scopes, "exp": in_an_hour(),
    }))
}

/// What a login of `user` at the tenant would give: an ID token.
pub(crate) fn id_token(ready: &Value, user: &str) -> String {
    let url = ready["url"].as_str().unwrap();
    signed(&json!({
        "iss": format!("{url}/"), "sub": user, "aud": ready["client_id"], "exp": in_an_hour(),
    }))
}

fn in_an_hour() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 3600
}
