//! The commands, one to a file.

mod delete;
mod demo;
mod diagnosis;
mod doctor;
mod jobs;
mod link;
mod list;
mod manual;
mod report;
mod sandbox;
mod story;
mod unlink;

use ::unlink::{
    Client, Error, Snapshot, TakeSnapshot, Tenant, UserId,
    transport::{Downloads, Pacing},
};

use crate::{
    args::{Command, Shared},
    environment::Environment,
    failure::Failure,
    io::Io,
    sent::Sent,
    settings::Settings,
};

/// What a command has to go by beside its own arguments.
pub(crate) struct Run<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) environment: &'a Environment,
    /// What this program was called by, a word of a shell.
    pub(crate) program: &'a str,
    /// The words after the program's name.
    pub(crate) typed: &'a [String],
}

impl Run<'_> {
    /// Carries out one command to its end.
    pub(crate) async fn command(&self, command: &Command, io: &mut Io<'_>) -> Result<(), Failure> {
        match command {
            Command::List(list) => list::run(self, list, io).await,
            Command::Unlink(unlink) => unlink::run(self, unlink, io).await,
            Command::Link(link) => link::run(self, link, io).await,
            Command::Plan(plan) => jobs::plan::run(self, plan, io).await,
            Command::Apply(apply) => jobs::apply::run(self, apply, io).await,
            Command::Status(status) => jobs::status::run(self, status, io),
            Command::Report(report) => jobs::report::run(self, report, io),
            Command::Undo(undo) => jobs::undo::run(self, undo, io).await,
            Command::Verify(verify) => jobs::verify::run(self, verify, io).await,
            Command::Purge(purge) => jobs::purge::run(self, purge, io),
            Command::Doctor => doctor::run(self, io).await,
            Command::Sandbox(sandbox) => sandbox::run(self, sandbox, io),
            Command::Demo(demo) => demo::run(self, demo, io).await,
            Command::Completions(typed) => manual::completions(typed, io),
            Command::Man(typed) => manual::man(typed, io),
        }
    }

    /// Whether nothing may be changed, as typed or as the environment says.
    fn is_dry(&self, typed: bool) -> Result<bool, Failure> {
        Ok(typed || self.environment.switch("AUTH0_DRY_RUN")?)
    }

    /// Refuses what names a tenant, for a command that starts its own.
    fn without_tenant(&self, command: &str) -> Result<(), Failure> {
        let shared = self.shared;
        let names_one =
            shared.domain.is_some() || shared.token_file.is_some() || shared.ca_file.is_some();
        if names_one {
            return Err(Failure::usage(format!(
                "{command} starts a tenant of its own: --domain, --token-file and --ca-file have no place in it"
            )));
        }
        Ok(())
    }

    fn target(&self, io: &mut Io<'_>) -> Result<Target, Failure> {
        self.paced(Pacing::default(), io)
    }

    /// The tenant, and a client of it that uses so much of its rate limit.
    fn paced(&self, pacing: Pacing, io: &mut Io<'_>) -> Result<Target, Failure> {
        let settings = Settings::new(self.shared, self.environment, io)?;
        let sent = Sent::default();
        Ok(Target {
            tenant: settings.tenant.clone(),
            credentials: settings.credentials_from().to_owned(),
            who: settings.who(),
            downloads: settings.downloads(),
            client: settings.client(pacing, &sent, io)?,
            sent,
        })
    }
}

/// A tenant and a client of it.
struct Target {
    tenant: Tenant,
    /// What to call the credentials; never a secret of them.
    credentials: String,
    /// Who the credentials are.
    who: String,
    /// What fetches files that the tenant links to.
    downloads: Downloads,
    client: Client,
    sent: Sent,
}

impl Target {
    fn failed(&self, user: &UserId) -> impl Fn(Error) -> Failure {
        |error| {
            let failure = Failure::operation(&error, &self.tenant, user);
            match self.sent.is_jwt() {
                Some(false) => failure.without_jwt(&self.tenant),
                _ => failure,
            }
        }
    }

    /// What is linked now.
    async fn read(&self, user: &UserId) -> Result<Snapshot, Failure> {
        let failed = self.failed(user);
        let read = TakeSnapshot::new(user).map_err(&failed)?;
        let seen = self.client.transport().call().execute(read).await;
        let seen = seen.map_err(|error| failed(error.into()))?;
        Ok(seen.output)
    }

    /// What is linked now; nothing where the token may not read that, but for a dry run, which has nothing else.
    async fn look(
        &self,
        user: &UserId,
        dry_run: bool,
        io: &mut Io<'_>,
    ) -> Result<Option<Snapshot>, Failure> {
        let failed = self.failed(user);
        let read = TakeSnapshot::new(user).map_err(&failed)?;
        match self.client.transport().call().execute(read).await {
            Ok(seen) => Ok(Some(seen.output)),
            // Without a missing scope it is someone else's user, and more would be refused too.
            Err(error) if error.missing_scopes().is_empty() || dry_run => Err(failed(error.into())),
            Err(_) => {
                io.say("The token may not read users, so this goes on without a look first.");
                Ok(None)
            }
        }
    }
}
