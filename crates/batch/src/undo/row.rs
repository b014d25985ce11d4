//! One row linked back: both accounts read, sent once its intent is on the disk, judged.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use unlink::{
    ChangeIdentity, Client, ErrorKind, Gain, GetUser, Provider, ProviderName, Receipt, Secondary,
    TakeSnapshot,
    transport::{self, Pace},
};

use crate::{
    apply::{judge, labelled, settle},
    job::{Linked, Pending, Work},
    outcome::{Reason, UndoOutcome},
    run::{Finding, Given, Journal, Step, Verdict, Worker, told},
};

/// Links rows back.
pub(super) struct Linking {
    pub(super) client: Client,
    pub(super) job: Arc<str>,
    pub(super) even_if_used: bool,
    /// The ids of database connections by their names, as far as they were looked up.
    pub(super) connections: Mutex<HashMap<String, Option<String>>>,
}

impl Worker for Linking {
    fn kind(&self) -> Work {
        Work::Undo
    }

    async fn work(self: Arc<Self>, row: Pending, journal: Journal) -> Given {
        let verdict = match labelled(&self.client, &self.job, row.number) {
            Err(verdict) => verdict,
            Ok(client) => {
                let (Ok(verdict) | Err(verdict)) = self.link(&client, &row, &journal).await;
                settle(&client, verdict).await
            }
        };
        Given { row, verdict }
    }

    fn pace(&self) -> Pace {
        self.client.transport().pace()
    }
}

/// Left alone, and looked at again by the next run.
fn skipped(reason: Reason, message: impl Into<String>) -> Verdict {
    Verdict::Done(Finding {
        is_open: true,
        ..Finding::because(Step::Undone(UndoOutcome::Skipped), reason, message)
    })
}

fn judged(error: unlink::Error) -> Verdict {
    let conflict = ErrorKind::Request(transport::ErrorKind::Conflict);
    if error.kind() == conflict && !error.may_have_been_applied() {
        return skipped(Reason::LinkedElsewhere, told(&error));
    }
    judge(error, Step::Undone(UndoOutcome::Failed), skipped)
}

impl Linking {
    async fn link(
        &self,
        client: &Client,
        row: &Pending,
        journal: &Journal,
    ) -> Result<Verdict, Verdict> {
        let Some(linked) = &row.linked else {
            let message = "nothing shows that it was linked before";
            return Err(skipped(Reason::NotProven, message));
        };
        let user = &row.user_id;
        let call = client.transport().call();
        let operation = TakeSnapshot::new(user).map_err(judged)?;
        let read = call.execute(operation).await;
        let read = read.map_err(|error| judged(error.into()))?;
        let now = read.output;
        // Its own id, as it was listed; another connection may have the same one.
        let is_it = |listed: &unlink::ListedIdentity| {
            let connections = linked.connection.as_deref().zip(listed.connection());
            *listed.key() == linked.key && connections.is_none_or(|(was, is)| was == is)
        };
        if now.listed().iter().any(is_it) {
            // Not linked before it may have been sent, and linked now.
            let outcome = if row.is_doubtful {
                UndoOutcome::LinkedBack
            } else {
                UndoOutcome::AlreadyLinked
            };
            return Ok(Verdict::Done(Finding {
                answered_at: read.response.date(),
                ..Finding::new(Step::Undone(outcome))
            }));
        }
        self.look_at_account(&call, row, linked).await?;
        let account = self.account(client, linked).await?;
        let written = journal.intend(row.number, None).await;
        written.map_err(Verdict::Broken)?;
        let operation = ChangeIdentity::link(&now, &account).map_err(judged)?;
        // A call of its own, with all its time left to settle a lost answer.
        let answered = match client.transport().call().execute(operation).await {
            Ok(answered) => answered,
            Err(error) => return Err(judged(error.into())),
        };
        let (after, answered) = answered.split();
        if after.may_be_unreadable {
            let message = format!(
                "whether {} is linked to {user} cannot be told: an identity of theirs cannot be read",
                linked.key
            );
            let failed = Step::Undone(UndoOutcome::Failed);
            return Ok(Verdict::Done(Finding {
                is_open: true,
                attempts: answered.attempts,
                ..Finding::because(failed, Reason::Unsure, message)
            }));
        }
        if !after.is_linked {
            let message = format!(
                "nothing was changed: the tenant answered with success, but {} is not linked to {user}",
                linked.key
            );
            let failed = Step::Undone(UndoOutcome::Failed);
            return Ok(Verdict::Done(Finding::because(
                failed,
                Reason::NotChanged,
                message,
            )));
        }
        Ok(Verdict::Done(Finding {
            attempts: answered.attempts,
            answered_at: answered.response.date(),
            warning: (!after.warnings.is_empty()).then(|| after.warnings.join("; ")),
            ..Finding::new(Step::Undone(UndoOutcome::LinkedBack))
        }))
    }

    /// Reads the account that was split off, and refuses one that is another, or has gained what linking would discard.
    async fn look_at_account(
        &self,
        call: &transport::Call,
        row: &Pending,
        linked: &Linked,
    ) -> Result<(), Verdict> {
        let separate = linked.key.separate_user_id();
        let operation = GetUser::new(&separate).map_err(judged)?;
        let account = match call.execute(operation).await {
            Ok(read) => read.output,
            Err(error) if error.kind() == transport::ErrorKind::NotFound => {
                let message =
                    format!("{separate} is not there: deleted, or linked to another user");
                return Err(skipped(Reason::NoSuchAccount, message));
            }
            Err(error) => return Err(judged(error.into())),
        };
        let main = account.primary_identity();
        let connection = main.and_then(|main| main.connection());
        if linked.connection.is_some() && connection != linked.connection.as_deref() {
            let message =
                format!("{separate} is of another connection: it is not what was split off");
            return Err(skipped(Reason::OtherConnection, message));
        }
        let since = row.unlinked_at.unwrap_or(std::time::UNIX_EPOCH);
        let receipt = Receipt::new(row.user_id.clone(), linked.key.clone(), since);
        for gain in receipt.gains(&account) {
            let reason = match gain {
                Gain::OtherMainIdentity => Reason::NoSuchAccount,
                Gain::SecondIdentity => Reason::HasIdentities,
                Gain::Metadata => Reason::HasMetadata,
                _ => Reason::HasLogin,
            };
            if gain == Gain::OtherMainIdentity || !self.even_if_used {
                let message = format!("{separate}: {}", gain.as_str());
                return Err(skipped(reason, message));
            }
        }
        Ok(())
    }

    /// What names the account to the tenant: with its connection's id where it is one of a database, whose ids are unique
    /// there only.
    async fn account(&self, client: &Client, linked: &Linked) -> Result<Secondary, Verdict> {
        let account = Secondary::from(linked.key.clone());
        let name = linked.connection.as_deref();
        let Some(name) = name.filter(|_| is_of_database(linked.key.provider())) else {
            return Ok(account);
        };
        let known = || {
            let known = self.connections.lock();
            let known = known.unwrap_or_else(PoisonError::into_inner);
            known.get(name).cloned()
        };
        let id = match known() {
            Some(id) => id,
            None => {
                let found = client.connection_id(name).await;
                let id = found.map_err(judged)?;
                let mut known = self
                    .connections
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                known.insert(name.to_owned(), id.clone());
                id
            }
        };
        Ok(match id {
            Some(id) => account.in_connection(id),
            None => account,
        })
    }
}

fn is_of_database(provider: &ProviderName) -> bool {
    *provider == Provider::Auth0
}
