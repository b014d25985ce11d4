//! What was typed means together with the environment: which tenant, which token, how long.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::Duration,
};

use unlink::{AccessToken, Client, Tenant, transport};

use crate::{args::Shared, environment::Environment, exit::Kind, failure::Failure, io::Io};

const TOKEN_VARIABLES: [&str; 2] = ["AUTH0_API_TOKEN", "AUTH0_ACCESS_TOKEN"];
/// More than any token; what is longer is the wrong file.
const LARGEST_TOKEN: u64 = 64 * 1024;

/// How to reach the tenant.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) tenant: Tenant,
    token: AccessToken,
    token_from: String,
    deadline: Option<Duration>,
}

impl Settings {
    /// Puts together what was typed and the environment; reads the token's file, sends nothing.
    pub(crate) fn new(
        typed: &Shared,
        environment: &Environment,
        io: &mut Io<'_>,
    ) -> Result<Self, Failure> {
        let tenant = tenant(typed.domain.as_deref(), environment)?;
        let (token, token_from) = match typed.token_file.as_deref() {
            Some(path) if path == Path::new("-") => {
                // What is left of the input is no answer to a question.
                io.has_person = false;
                let text = read_token(&mut io.input, Path::new("standard input"))?;
                (text, "standard input".to_owned())
            }
            Some(path) => {
                let mut file = File::open(path)
                    .map_err(|error| Failure::file(Kind::Credentials, path, &error))?;
                (read_token(&mut file, path)?, path.display().to_string())
            }
            None => token_variable(environment)?,
        };
        let token = AccessToken::new(token).map_err(|error| {
            Failure::new(Kind::Credentials, format!("{error} (from {token_from})"))
        })?;
        Ok(Self {
            tenant,
            token,
            token_from,
            deadline: typed.timeout,
        })
    }

    /// A client of the tenant; nothing is sent yet.
    pub(crate) fn client(self, io: &mut Io<'_>) -> Result<Client, Failure> {
        let mut builder = transport::Client::builder(self.tenant.clone(), self.token);
        if let Some(deadline) = self.deadline {
            builder = builder.deadline(deadline);
        }
        io.detail(&format!(
            "tenant {}, token from {}",
            self.tenant, self.token_from
        ));
        let client = builder.build().map_err(|error| {
            let kind = unlink::ErrorKind::Request(error.kind());
            Failure::new(Kind::Operation(kind), "no client for the tenant").because(&error)
        })?;
        Ok(client.into())
    }
}

fn tenant(typed: Option<&str>, environment: &Environment) -> Result<Tenant, Failure> {
    let (text, from) = match (typed, environment.text("AUTH0_DOMAIN")?) {
        (Some(text), _) => (text, "--domain"),
        (None, Some(text)) => (text, "AUTH0_DOMAIN"),
        (None, None) => {
            return Err(Failure::usage("which tenant is not said")
                .hint("give --domain, or set AUTH0_DOMAIN, as in example.eu.auth0.com"));
        }
    };
    text.parse()
        .map_err(|error: transport::TenantError| Failure::usage(format!("{from}: {error}")))
}

fn token_variable(environment: &Environment) -> Result<(String, String), Failure> {
    let mut set = Vec::new();
    for name in TOKEN_VARIABLES {
        set.extend(environment.text(name)?.map(|value| (value, name)));
    }
    match set.as_slice() {
        [(first, _), (second, _)] if first != second => Err(Failure::new(
            Kind::Credentials,
            "AUTH0_API_TOKEN and AUTH0_ACCESS_TOKEN hold different tokens",
        )
        .hint("unset one of them")),
        [(token, name), ..] => Ok(((*token).to_owned(), (*name).to_owned())),
        [] => Err(Failure::new(Kind::Credentials, "there is no access token")
            .hint("set AUTH0_API_TOKEN, or give --token-file FILE (`-` for standard input)")),
    }
}

/// All of a token's file but the blanks around it.
fn read_token(from: &mut dyn Read, path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let length = from
        .take(LARGEST_TOKEN + 1)
        .read_to_string(&mut text)
        .map_err(|error| Failure::file(Kind::Credentials, path, &error))?;
    if length as u64 > LARGEST_TOKEN {
        let error = io::Error::other("it is too large for a token");
        return Err(Failure::file(Kind::Credentials, path, &error));
    }
    // In place, so that no second copy of the token stays behind.
    text.truncate(text.trim_end().len());
    text.drain(..text.len() - text.trim_start().len());
    Ok(text)
}
