//! What every run can be told: how much, how fast, for how long, who runs it, and who is told of it.

use std::{
    num::NonZeroUsize,
    time::{Duration, SystemTime},
};

use super::{Progress, Wait};
use crate::{digest::Digest, job::RunInfo};

pub(crate) type OnResult = Box<dyn FnMut(&Progress) + Send>;
pub(crate) type OnWait = Box<dyn FnMut(&Wait) + Send>;

pub(crate) struct Options {
    pub(crate) expect: Option<Digest>,
    pub(crate) concurrency: NonZeroUsize,
    pub(crate) max: u64,
    pub(crate) max_failures: u64,
    pub(crate) until: Option<SystemTime>,
    pub(crate) patience: Duration,
    pub(crate) client: String,
    pub(crate) operator: String,
    pub(crate) answer: String,
    pub(crate) on_result: Option<OnResult>,
    pub(crate) on_wait: Option<OnWait>,
}

impl Options {
    /// Of a run that does at most so many rows.
    pub(crate) fn new(max: u64) -> Self {
        Self {
            expect: None,
            concurrency: NonZeroUsize::MIN.saturating_add(15),
            max,
            max_failures: 10,
            until: None,
            patience: Duration::from_secs(10 * 60),
            client: String::new(),
            operator: String::new(),
            answer: String::new(),
            on_result: None,
            on_wait: None,
        }
    }

    /// What the list of runs says; `more` is what only this kind of run can be told.
    pub(crate) fn info(&self, more: &[String]) -> RunInfo {
        let number = |number: u64| {
            if number == u64::MAX {
                "all".to_owned()
            } else {
                number.to_string()
            }
        };
        let mut options = vec![
            format!("max {}", number(self.max)),
            format!("max failures {}", number(self.max_failures)),
            format!("concurrency {}", self.concurrency),
        ];
        if let Some(expected) = self.expect {
            options.push(format!("expect {expected}"));
        }
        match self.until {
            Some(until) => {
                let since = until.duration_since(SystemTime::UNIX_EPOCH);
                options.push(format!("until {}", since.unwrap_or_default().as_secs()));
            }
            None => options.push(format!("patience {} s", self.patience.as_secs())),
        }
        options.extend_from_slice(more);
        RunInfo {
            client: self.client.clone(),
            operator: self.operator.clone(),
            options: options.join(", "),
            answer: self.answer.clone(),
        }
    }
}

/// The methods that every run's options have.
macro_rules! shared_options {
    ($name:ty) => {
        impl $name {
            /// How many rows are worked on at once; 16 if not said. Rows of one user never are.
            #[must_use]
            pub fn concurrency(mut self, concurrency: std::num::NonZeroUsize) -> Self {
                self.shared.concurrency = concurrency;
                self
            }

            /// How many rows this run does at most.
            #[must_use]
            pub fn max(mut self, rows: u64) -> Self {
                self.shared.max = rows;
                self
            }

            /// After how many failed rows this run ends; 10 if not said.
            #[must_use]
            pub fn max_failures(mut self, rows: u64) -> Self {
                self.shared.max_failures = rows;
                self
            }

            /// Begins no row after this time, and waits for a tenant that cannot be reached until then.
            #[must_use]
            pub fn until(mut self, time: std::time::SystemTime) -> Self {
                self.shared.until = Some(time);
                self
            }

            /// How long to wait for a tenant that cannot be reached, without a time to end at; ten minutes if not said.
            #[must_use]
            pub fn patience(mut self, patience: std::time::Duration) -> Self {
                self.shared.patience = patience;
                self
            }

            /// Who runs it, for the list of runs in the job: the id of the client, and the operating system's user.
            #[must_use]
            pub fn by(mut self, client: impl Into<String>, operator: impl Into<String>) -> Self {
                self.shared.client = client.into();
                self.shared.operator = operator.into();
                self
            }

            /// What was answered when it was asked whether to begin, for the list of runs in the job.
            #[must_use]
            pub fn answer(mut self, answer: impl Into<String>) -> Self {
                self.shared.answer = answer.into();
                self
            }

            /// Is told of each row as its result is known.
            #[must_use]
            pub fn on_result(
                mut self,
                told: impl FnMut(&$crate::run::Progress) + Send + 'static,
            ) -> Self {
                self.shared.on_result = Some(Box::new(told));
                self
            }

            /// Is told when the run begins to wait for the tenant.
            #[must_use]
            pub fn on_wait(
                mut self,
                told: impl FnMut(&$crate::run::Wait) + Send + 'static,
            ) -> Self {
                self.shared.on_wait = Some(Box::new(told));
                self
            }
        }
    };
}

pub(crate) use shared_options;
