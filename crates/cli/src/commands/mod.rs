//! The commands, one to a file.

mod demo;
mod list;
mod story;
mod unlink;

use ::unlink::{Client, Error, Tenant, UserId};

use crate::{
    args::{Command, Shared},
    environment::Environment,
    failure::Failure,
    io::Io,
    settings::Settings,
};

/// What a command has to go by beside its own arguments.
pub(crate) struct Run<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) environment: &'a Environment,
    /// The words after the program's name.
    pub(crate) typed: &'a [String],
}

impl Run<'_> {
    /// Carries out one command to its end.
    pub(crate) async fn command(&self, command: &Command, io: &mut Io<'_>) -> Result<(), Failure> {
        match command {
            Command::List(list) => list::run(self, list, io).await,
            Command::Unlink(unlink) => unlink::run(self, unlink, io).await,
            Command::Demo(demo) => demo::run(self, demo, io).await,
        }
    }

    fn session(&self, io: &mut Io<'_>) -> Result<Session, Failure> {
        let settings = Settings::new(self.shared, self.environment, io)?;
        Ok(Session {
            tenant: settings.tenant.clone(),
            client: settings.client(io)?,
        })
    }
}

/// A tenant and a client of it.
struct Session {
    tenant: Tenant,
    client: Client,
}

impl Session {
    fn failed(&self, user: &UserId) -> impl Fn(Error) -> Failure {
        |error| Failure::operation(&error, &self.tenant, user)
    }
}
