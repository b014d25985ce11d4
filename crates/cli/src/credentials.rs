//! Where the access token comes from: a file, a variable, or the application's own credentials.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use unlink::{
    AccessToken, Tenant,
    transport::{Client, ClientBuilder, ClientCredentials},
};

use crate::{environment::Environment, exit::Kind, failure::Failure, io::Io, sent::Sent};

const TOKENS: [&str; 2] = ["AUTH0_API_TOKEN", "AUTH0_ACCESS_TOKEN"];
const APPLICATION: [&str; 2] = ["AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"];
/// More than any token; what is longer is the wrong file.
const LARGEST_TOKEN: u64 = 64 * 1024;

/// A source of tokens, and what to call it.
#[derive(Debug)]
pub(crate) struct Credentials {
    source: Source,
    from: String,
}

#[derive(Debug)]
enum Source {
    Token(AccessToken),
    /// With its id.
    Application(ClientCredentials, String),
}

impl Credentials {
    /// The file if one is named, else a token variable, else the application's id and secret.
    pub(crate) fn new(
        file: Option<&Path>,
        environment: &Environment,
        io: &mut Io<'_>,
    ) -> Result<Self, Failure> {
        if let Some(path) = file {
            return Ok(Self {
                source: Source::Token(token_file(path, io)?),
                from: format!("token from {}", path.display()),
            });
        }
        match tokens(environment)?.as_slice() {
            [(_, first), (_, second)] if first != second => Err(refused(format!(
                "{} and {} hold different tokens",
                TOKENS[0], TOKENS[1]
            ))
            .hint("unset one of them")),
            [(name, token), ..] => Ok(Self {
                source: Source::Token(parsed((*token).to_owned(), name)?),
                from: format!("token from {name}"),
            }),
            [] => Self::of_application(environment),
        }
    }

    fn of_application(environment: &Environment) -> Result<Self, Failure> {
        let [id, secret] = APPLICATION;
        match (environment.text(id)?, environment.text(secret)?) {
            (Some(client_id), Some(secret)) => {
                let mut credentials = ClientCredentials::new(client_id, secret);
                if let Some(audience) = environment.text("AUTH0_AUDIENCE")? {
                    credentials = credentials.audience(audience);
                }
                Ok(Self {
                    source: Source::Application(credentials, client_id.to_owned()),
                    from: format!("token for the application {client_id}"),
                })
            }
            (Some(_), None) => Err(refused(format!("{id} is set, but {secret} is not"))),
            (None, Some(_)) => Err(refused(format!("{secret} is set, but {id} is not"))),
            (None, None) => Err(
                refused("there is no access token, and no way to get one").hint(format!(
                    "set {id} and {secret}, or {}; or give --token-file",
                    TOKENS[0]
                )),
            ),
        }
    }

    /// What to call the source; never the token.
    pub(crate) fn from(&self) -> &str {
        &self.from
    }

    /// Who they are, for a record of who did what: the application's id, or whom the token is about.
    pub(crate) fn who(&self) -> String {
        match &self.source {
            Source::Token(token) => token.subject().unwrap_or_else(|_| "not known".to_owned()),
            Source::Application(_, client_id) => client_id.clone(),
        }
    }

    /// Begins a client of the tenant with these credentials, what it sends of them noted in `sent`.
    pub(crate) fn client(self, tenant: Tenant, sent: &Sent) -> ClientBuilder {
        match self.source {
            Source::Token(token) => Client::builder(tenant, sent.noting(token)),
            Source::Application(credentials, _) => {
                Client::builder(tenant, sent.noting(credentials))
            }
        }
    }
}

/// Reads a token from a file, or from standard input for `-`.
pub(crate) fn token_file(path: &Path, io: &mut Io<'_>) -> Result<AccessToken, Failure> {
    if path == Path::new("-") {
        // What is left of the input is no answer to a question.
        io.has_person = false;
        let name = "standard input";
        return parsed(read(&mut io.input, Path::new(name))?, name);
    }
    let mut file =
        File::open(path).map_err(|error| Failure::file(Kind::Credentials, path, &error))?;
    parsed(read(&mut file, path)?, &path.display().to_string())
}

fn parsed(token: String, from: &str) -> Result<AccessToken, Failure> {
    AccessToken::new(token).map_err(|error| refused(format!("{error} (from {from})")))
}

/// The token variables that are set.
fn tokens(environment: &Environment) -> Result<Vec<(&'static str, &str)>, Failure> {
    let mut set = Vec::new();
    for name in TOKENS {
        set.extend(environment.text(name)?.map(|token| (name, token)));
    }
    Ok(set)
}

/// All of a file but the blanks around it.
fn read(from: &mut dyn Read, path: &Path) -> Result<String, Failure> {
    let unreadable = |error: &io::Error| Failure::file(Kind::Credentials, path, error);
    let mut text = String::new();
    let length = from
        .take(LARGEST_TOKEN + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(&error))?;
    if length as u64 > LARGEST_TOKEN {
        return Err(unreadable(&io::Error::other("it is too large for a token")));
    }
    // In place, so that no second copy of the token stays behind.
    text.truncate(text.trim_end().len());
    text.drain(..text.len() - text.trim_start().len());
    Ok(text)
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::new(Kind::Credentials, message)
}
