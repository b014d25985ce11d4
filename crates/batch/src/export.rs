//! A fresh export of a tenant's users: ordered, waited for, and fetched to a file that nobody else sees.

mod operations;

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep};
use unlink::{
    ErrorKind as Failure,
    transport::{Downloads, ErrorKind as Trouble},
};

use self::operations::{ExportJob, OrderExport, Progressed};
use crate::{
    error::{Error, ErrorKind, storage},
    reader::Reader,
    run::{Stop, told},
};

/// How often the file is asked for again when it breaks off.
const FETCHES: u32 = 5;
/// How long to wait before the tenant is asked how far it is, the first time and at most.
const POLL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

type OnProgress = Box<dyn FnMut(&ExportProgress) + Send>;

/// How an export is made.
///
/// ```
/// use unlink_batch::Export;
///
/// let export = Export::default().with_profiles();
/// # let _ = export;
/// ```
pub struct Export {
    with_profiles: bool,
    patience: Duration,
    on_progress: Option<OnProgress>,
}

impl Default for Export {
    fn default() -> Self {
        Self {
            with_profiles: false,
            patience: Duration::from_secs(2 * 60 * 60),
            on_progress: None,
        }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("with_profiles", &self.with_profiles)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Export {
    /// Asks for names and metadata too, for a plan that keeps them.
    #[must_use]
    pub fn with_profiles(self) -> Self {
        Self {
            with_profiles: true,
            ..self
        }
    }

    /// How long it may take; two hours if not said.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Is told how far it is.
    #[must_use]
    pub fn on_progress(self, told: impl FnMut(&ExportProgress) + Send + 'static) -> Self {
        Self {
            on_progress: Some(Box::new(told)),
            ..self
        }
    }

    fn tell(&mut self, progress: &ExportProgress) {
        if let Some(on_progress) = &mut self.on_progress {
            on_progress(progress);
        }
    }
}

/// How far an export is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportProgress {
    /// The tenant writes it.
    Written {
        /// The id of the tenant's job (`job_…`).
        job: String,
        /// How much of it is done, in percent, where the tenant says so.
        percent: Option<u64>,
        /// How long it will still take, where the tenant says so.
        left: Option<Duration>,
    },
    /// It is fetched.
    Fetched {
        /// The bytes so far.
        bytes: u64,
    },
}

/// An export of users, in a file that goes with this value; gzipped lines of JSON, as the tenant wrote them.
#[derive(Debug)]
pub struct Exported {
    file: File,
    job: String,
    tenant: String,
    ordered_at: SystemTime,
}

impl Exported {
    /// What to call it as the source of a plan.
    #[must_use]
    pub fn name(&self) -> String {
        format!("export {} of {}", self.job, self.tenant)
    }

    /// When it was ordered: no user in it is older.
    #[must_use]
    pub const fn ordered_at(&self) -> SystemTime {
        self.ordered_at
    }
}

impl Read for Exported {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Reader {
    /// Orders an export of the users of all connections, waits for it, and fetches it into `folder`, to a file that has no
    /// name there and is gone with the value. Needs `read:users`.
    ///
    /// ```no_run
    /// use unlink_batch::{Export, Planner, Reader, Selection, Stop, unlink::transport::Downloads};
    ///
    /// # async fn example(client: unlink_batch::unlink::Client) -> Result<(), unlink_batch::Error> {
    /// let reader = Reader::new(&client);
    /// let export = reader.export(&Downloads::new(), ".".as_ref(), Export::default(), Stop::new().1).await?;
    /// Planner::new(reader.tenant().clone())
    ///     .selection(Selection::default().connection("old-saml"))
    ///     .source_made_at(export.ordered_at())
    ///     .plan("job.db", &export.name(), export)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Tenant`](ErrorKind::Tenant) if the tenant does not take the order; [`Export`](ErrorKind::Export) if it gives up on
    /// it, if it takes too long, or if the file cannot be fetched; [`Stopped`](ErrorKind::Stopped);
    /// [`Storage`](ErrorKind::Storage).
    pub async fn export(
        &self,
        downloads: &Downloads,
        folder: &Path,
        options: Export,
        mut stop: Stop,
    ) -> Result<Exported, Error> {
        tokio::select! {
            biased;
            () = stop.wished() => Err(Error::new(ErrorKind::Stopped, "the export was stopped")),
            exported = self.order_and_fetch(downloads, folder, options) => exported,
        }
    }

    async fn order_and_fetch(
        &self,
        downloads: &Downloads,
        folder: &Path,
        mut options: Export,
    ) -> Result<Exported, Error> {
        let mut file = nameless(folder)?;
        let ordered_at = SystemTime::now();
        let ends = Instant::now() + options.patience;
        let order =
            OrderExport::new(options.with_profiles).map_err(|error| refused(error.into()))?;
        let job = self.execute(order).await.map_err(refused)?.output;
        let mut last_trouble = None;
        for _ in 0..FETCHES {
            let link = self.written(&job, ends, &mut options).await?;
            match fetch(downloads, &link, &mut file, &mut options).await? {
                None => {
                    return Ok(Exported {
                        file,
                        job,
                        tenant: self.tenant().authority().to_string(),
                        ordered_at,
                    });
                }
                // The link may have expired on the way: the next one is a fresh one.
                Some(trouble) => last_trouble = Some(trouble),
            }
        }
        let message = format!("the file of the export {job} cannot be fetched");
        let error = Error::new(ErrorKind::Export, message);
        Err(match last_trouble {
            Some(trouble) => error.with_source(trouble),
            None => error,
        })
    }

    /// Waits until the tenant has written the export; returns the link to its file.
    async fn written(
        &self,
        job: &str,
        ends: Instant,
        options: &mut Export,
    ) -> Result<String, Error> {
        let mut wait = POLL.0;
        loop {
            let asking = ExportJob::new(job).map_err(|error| refused(error.into()))?;
            let slow = match self.execute(asking).await.map(|answered| answered.output) {
                Ok(Progressed::Written { location }) => return Ok(location),
                Ok(Progressed::Failed { reason }) => {
                    let message = format!("the tenant gave up on the export {job}: {reason}");
                    return Err(Error::new(ErrorKind::Export, message));
                }
                Ok(Progressed::Pending { percent, left }) => {
                    options.tell(&ExportProgress::Written {
                        job: job.to_owned(),
                        percent,
                        left,
                    });
                    None
                }
                // A tenant that cannot be reached for a while goes on writing.
                Err(error) if is_passing(&error) => Some(error),
                Err(error) => return Err(refused(error)),
            };
            if Instant::now() + wait > ends {
                let message = format!("the export {job} was not written in time");
                let error = Error::new(ErrorKind::Export, message);
                return Err(match slow {
                    Some(cause) => error.with_source(cause),
                    None => error,
                });
            }
            sleep(wait).await;
            wait = (wait * 2).min(POLL.1);
        }
    }
}

/// Fetches the file from its beginning; returns why it cannot be had now.
async fn fetch(
    downloads: &Downloads,
    link: &str,
    file: &mut File,
    options: &mut Export,
) -> Result<Option<unlink::Error>, Error> {
    let failed = |error| storage("write the export to a file", error);
    file.set_len(0).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut bytes = 0;
    let mut download = match downloads.get(link).await {
        Ok(download) => download,
        Err(error) => return Ok(Some(error.into())),
    };
    loop {
        match download.chunk().await {
            Ok(Some(chunk)) => {
                file.write_all(&chunk).map_err(failed)?;
                bytes += chunk.len() as u64;
                options.tell(&ExportProgress::Fetched { bytes });
            }
            Ok(None) => break,
            Err(error) => return Ok(Some(error.into())),
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(None)
}

fn is_passing(error: &unlink::Error) -> bool {
    matches!(
        error.kind(),
        Failure::Request(
            Trouble::Connect
                | Trouble::Timeout
                | Trouble::Interrupted
                | Trouble::RateLimited
                | Trouble::Unavailable
        )
    )
}

fn refused(error: unlink::Error) -> Error {
    let message = format!("the tenant makes no export: {}", told(&error));
    Error::new(ErrorKind::Tenant, message).with_source(error)
}

/// A file that only this process has, and that is gone when it is closed.
fn nameless(folder: &Path) -> Result<File, Error> {
    let path = folder.join(format!(".auth0-unlink.{}.export", std::process::id()));
    let failed = |error| storage(&format!("make {}", path.display()), error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(windows)]
    {
        // FILE_FLAG_DELETE_ON_CLOSE
        std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, 0x0400_0000);
    }
    // Left by a process of this number that was killed on the way here.
    #[cfg(unix)]
    let _ = fs::remove_file(&path);
    let file = options.open(&path).map_err(failed)?;
    #[cfg(unix)]
    fs::remove_file(&path).map_err(failed)?;
    Ok(file)
}
