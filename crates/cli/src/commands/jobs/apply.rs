//! `apply`: say what the job does, ask, do it, and say how it ended and what goes on from there.

mod ending;

use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use jiff::Zoned;
use unlink_batch::{Action, Apply, Counts, Ending, Evidence, Job, Plan, Stop, Summary, Work};

use crate::{
    args::jobs::{self, Read},
    commands::{
        Run, Target, delete, doctor,
        jobs::{
            beside, declined_in, open,
            running::{self, Showing, drive},
            summary::{self, Sent, failed, skipped},
        },
    },
    confirm::{self, Consent, consent, declined},
    exit::Kind,
    failure::Failure,
    io::Io,
    private,
    text::{self, count, counted, printable},
    until,
};

pub(in crate::commands) async fn run(
    run: &Run<'_>,
    typed: &jobs::Apply,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let dry_run = run.is_dry(typed.change.dry_run)?;
    let target = run.paced(typed.speed.pacing()?, io)?;
    let until = run.until(typed.caps.until, &target)?;
    let mut applying = Applying {
        run,
        typed,
        target,
        until,
        is_canary_right: typed.gate.canary_ok,
        answer: String::new(),
    };
    let job = applying.open()?;
    applying.refuse_the_jobs_place()?;
    let left = Left::of(&job).map_err(|error| applying.failed(&error))?;
    if left.is_nothing() {
        io.say("Nothing is left to do.");
        return applying.nothing_left(&job, io);
    }
    if dry_run {
        let plan = applying.plan(&job, &left);
        let rows = left.rows().min(applying.at_most());
        return summary::dry_run(job.plan(), rows, &plan, io);
    }
    applying.answer = match applying.ask(&job, &left, io) {
        Ok(answer) => answer,
        Err(failure) => {
            return Err(declined_in(
                &job,
                &applying.target,
                run,
                Work::Apply,
                failure,
            ));
        }
    };
    if left.canary_waits && !applying.is_canary_right {
        applying.pass_the_gate(io)?;
    }
    applying.may_delete(&job).await?;
    let (mut job, mut left) = (job, left);
    loop {
        let rows = left.rows().min(applying.at_most());
        let (summary, sent) = applying.apply(job, rows, io).await?;
        job = applying.open()?;
        let is_canary = matches!(summary.ending, Ending::Canary);
        let ended = applying.tell(&summary, sent, &job, io);
        if !(is_canary && io.has_person && !io.is_json()) {
            return ended;
        }
        // It says that the rest waits, which is asked about instead.
        drop(ended);
        applying.pass_the_gate(io)?;
        left = Left::of(&job).map_err(|error| applying.failed(&error))?;
    }
}

/// The rows that are still to be done.
struct Left {
    counts: Counts,
    canary_waits: bool,
    /// Rows that were tried and are tried again.
    again: u64,
}

impl Left {
    fn of(job: &Job) -> Result<Self, unlink_batch::Error> {
        let mut again = 0;
        let view = job.view();
        view.failures(|row| {
            again += u64::from(row.is_open && row.outcome.is_some() && !row.is_in_doubt);
            Ok(())
        })?;
        let status = view.status()?;
        Ok(Self {
            counts: status.counts,
            canary_waits: status.canary_waits,
            again,
        })
    }

    const fn rows(&self) -> u64 {
        self.counts.pending + self.counts.unknown + self.again
    }

    const fn is_nothing(&self) -> bool {
        self.rows() == 0
    }
}

/// One command, which may be two runs: a few rows, and the rest once they were looked at.
struct Applying<'a> {
    run: &'a Run<'a>,
    typed: &'a jobs::Apply,
    target: Target,
    until: Option<Zoned>,
    is_canary_right: bool,
    /// How it was agreed to.
    answer: String,
}

impl Applying<'_> {
    fn failed(&self, error: &unlink_batch::Error) -> Failure {
        Failure::job(error, &self.target.tenant)
    }

    fn open(&self) -> Result<Job, Failure> {
        open(&self.typed.job, &self.target, self.typed.expect)
    }

    /// How many rows the next run does at most.
    fn at_most(&self) -> u64 {
        let max = self.typed.caps.max;
        let canary = self.typed.gate.canary.filter(|_| !self.is_canary_right);
        canary.map_or(max, |rows| rows.min(max))
    }

    /// What will happen, in words.
    fn plan(&self, job: &Job, left: &Left) -> String {
        let plan = job.plan();
        let (rows, most) = (left.rows(), self.at_most());
        let mut text = format!(
            "At {tenant}, apply {job}, planned {at} from {source}: {action} {identities}.\nDigest {digest}\n",
            tenant = self.target.tenant,
            job = super::path_text(&self.typed.job),
            at = summary::at(plan.made_at),
            source = printable(&plan.source),
            action = plan.action,
            identities = counted(plan.rows, "identity", "identities"),
            digest = plan.digest,
        );
        text += &match most < rows {
            true => format!(
                "This run does {} of the {} that are left.",
                count(most),
                count(rows)
            ),
            false => format!("This run does the {} that are left.", count(rows)),
        };
        text += match plan.action {
            Action::UnlinkAndDelete => {
                " The account that appears for each is then deleted for good: its profile is lost, and it cannot be \
                 linked back."
            }
            _ => " A separate account without metadata appears for each.",
        };
        if let Some(until) = &self.until {
            text += &format!(" No row is begun after {}.", until::shown(until));
        }
        text
    }

    /// Asks whether to go ahead, of a job that deletes by the tenant's name, and returns what was answered.
    fn ask(&self, job: &Job, left: &Left, io: &mut Io<'_>) -> Result<String, Failure> {
        let plan = self.plan(job, left);
        let is_gate = left.canary_waits && !self.is_canary_right;
        if is_gate && (self.typed.change.yes || !io.has_person || io.is_json()) {
            return Err(self.gate());
        }
        let deletes = !matches!(job.plan().action, Action::Unlink);
        if let Some(name) = &self.typed.confirm_tenant
            && !self.is_tenant(name, job.plan())
        {
            let message = format!("--confirm-tenant: the tenant is not {}", printable(name));
            return Err(Failure::usage(message));
        }
        if !deletes {
            return Ok(
                match consent(self.typed.change.yes, &plan, self.run.typed, io)? {
                    Consent::Given => "--yes".to_owned(),
                    Consent::Asked => "yes, at a terminal".to_owned(),
                },
            );
        }
        if self.typed.confirm_tenant.is_some() {
            io.say(&plan);
            return Ok("--confirm-tenant".to_owned());
        }
        if !io.has_person || io.is_json() {
            io.say(&plan);
            let tenant = &job.plan().tenant;
            let command = confirm::with(self.run.typed, &["--confirm-tenant", tenant]);
            let message = format!(
                "nothing was changed: a job that deletes needs the tenant's name; to go ahead, run {command}"
            );
            return Err(Failure::new(Kind::ConfirmationNeeded, message));
        }
        let question = format!("{plan}\nTo go ahead, type the tenant's name: ");
        match self.is_tenant(&confirm::ask(&question, io)?, job.plan()) {
            true => Ok("the tenant's name, at a terminal".to_owned()),
            false => Err(declined()),
        }
    }

    /// Asks whether the first rows are right; a failure unless the answer is yes.
    fn pass_the_gate(&mut self, io: &mut Io<'_>) -> Result<(), Failure> {
        let question = "The first rows are done. Look at their accounts: are they right, and should the rest be done? [y/N] ";
        if !confirm::is_yes(&confirm::ask(question, io)?) {
            return Err(self.gate());
        }
        self.is_canary_right = true;
        self.answer += ", and the first rows are right";
        Ok(())
    }

    /// Refuses a token that says it cannot do the second half, before any first half; one read gets a token to look at.
    async fn may_delete(&self, job: &Job) -> Result<(), Failure> {
        if matches!(job.plan().action, Action::Unlink) {
            return Ok(());
        }
        let asked = doctor::ask(&self.target).await;
        asked.map_err(|error| Failure::at(&error, &self.target.tenant))?;
        delete::lacks_scope(&self.target).map_or(Ok(()), Err)
    }

    fn is_tenant(&self, name: &str, plan: &Plan) -> bool {
        name == plan.tenant || name == self.target.tenant.to_string()
    }

    /// Runs the job to its end, or to one of its stops.
    async fn apply(
        &self,
        job: Job,
        rows: u64,
        io: &mut Io<'_>,
    ) -> Result<(Summary, Sent), Failure> {
        let digest = job.plan().digest;
        let (on_result, on_wait, news) = running::news();
        let options = self
            .options()
            .expect(digest)
            .on_result(on_result)
            .on_wait(on_wait);
        let (stopper, stop) = Stop::new();
        let client = self.target.client.transport();
        let before = client.pace();
        let running = job.apply(&self.target.client, options, stop);
        let showing = Showing { rows, prints: true };
        let ran = drive(running, news, stopper, client, showing, io).await?;
        let summary = ran.ended.map_err(|error| self.failed(&error))?;
        let sent = Sent::since(&before, &client.pace(), summary.elapsed);
        if let Some(failure) = ran.broken {
            let resume = self.go_on(&[]);
            return Err(failure.stopped_midway().gone_on_by("go on with", resume));
        }
        if matches!(summary.ending, Ending::Canary | Ending::CanaryWrong(_)) && !io.is_json() {
            let rows = text::table(["ROW", "USER", "IDENTITY", "OUTCOME"], &ran.first);
            io.result(&(rows.join("\n") + "\n\n"))?;
        }
        Ok((summary, sent))
    }

    fn options(&self) -> Apply {
        let (caps, speed) = (&self.typed.caps, &self.typed.speed);
        let mut options = Apply::default()
            .by(&self.target.who, self.run.operator())
            .answer(&self.answer)
            .max(caps.max)
            .max_failures(caps.max_failures)
            .concurrency(speed.concurrency)
            .evidence(match self.typed.read {
                Read::Auto => Evidence::Auto,
                Read::Always => Evidence::Read,
                Read::Never => Evidence::Unread,
            });
        if self.is_canary_right {
            options = options.canary_is_right();
        } else if let Some(rows) = self.typed.gate.canary {
            options = options.canary(rows);
        }
        if let Some(until) = &self.until {
            options = options.until(until.timestamp().into());
        }
        options
    }

    /// Prints how the run went, and fails unless the job is done.
    fn tell(
        &self,
        summary: &Summary,
        sent: Sent,
        job: &Job,
        io: &mut Io<'_>,
    ) -> Result<(), Failure> {
        let left = Left::of(job).map_err(|error| self.failed(&error))?;
        // How the run went is told in any case.
        let (file, unwritten) = match self.failures(job, &left.counts) {
            Ok(file) => (file, None),
            Err(failure) => (None, Some(failure)),
        };
        let told = summary::Told {
            job: &self.typed.job,
            summary,
            sent,
            all: &left.counts,
            rows: job.plan().rows,
            failures: file.as_deref(),
        };
        io.result(&told.shown(io.is_json(), io.out_paint())?)?;
        self.judge(summary, &left)?;
        unwritten.map_or(Ok(()), |failure| Err(failure.after_a_change()))
    }

    /// Says how the job stands where there was nothing to do.
    fn nothing_left(&self, job: &Job, io: &mut Io<'_>) -> Result<(), Failure> {
        let counts = job
            .view()
            .status()
            .map_err(|error| self.failed(&error))?
            .counts;
        io.result(&summary::stands(
            job.plan(),
            &counts,
            io.is_json(),
            io.out_paint(),
        )?)?;
        Self::complete(&counts)
    }

    /// Where the list of what someone has to look at goes.
    fn place_of_failures(&self) -> PathBuf {
        let given = self.typed.failures.clone();
        given.unwrap_or_else(|| beside(&self.typed.job, "failures.jsonl"))
    }

    /// Refuses a list of failures that would take the place of the job, or has none to be in.
    fn refuse_the_jobs_place(&self) -> Result<(), Failure> {
        let place = self.place_of_failures();
        let folder = match place.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            let message = format!("--failures: there is no folder {}", folder.display());
            return Err(Failure::usage(message));
        }
        let is = |path: &Path| fs::canonicalize(path).ok();
        if is(&place).is_some_and(|place| is(&self.typed.job) == Some(place)) {
            return Err(Failure::usage(
                "--failures: that would take the place of the job",
            ));
        }
        Ok(())
    }

    /// Writes the rows that someone has to look at as a list, and returns where it is; nothing if there are none.
    fn failures(&self, job: &Job, counts: &Counts) -> Result<Option<PathBuf>, Failure> {
        let path = self.place_of_failures();
        let unwritten = |error: io::Error| {
            let message = format!("{} cannot be written", path.display());
            Failure::new(Kind::File, message).because(&error)
        };
        if failed(counts) + skipped(counts) + counts.unknown == 0 {
            // What an earlier run left there is not true any more.
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritten(error)),
                _ => Ok(None),
            };
        }
        let mut file = BufWriter::new(private::create(&path).map_err(unwritten)?);
        let written = job.view().write_failures(&mut file);
        written.map_err(|error| self.failed(&error))?;
        file.flush().map_err(unwritten)?;
        Ok(Some(path))
    }
}
