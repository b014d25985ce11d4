//! What jobs are planned and verified from: a file or standard input.

#[cfg(unix)]
use std::os::fd::{AsFd as _, OwnedFd};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::SystemTime,
};

use indicatif::{ProgressBar, ProgressDrawTarget};
#[cfg(unix)]
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use unlink_batch::Exported;

use crate::{
    commands::{Run, jobs::style},
    exit::Kind,
    failure::Failure,
    interrupt::Interrupted,
    io::Io,
};

/// A file that is read, or standard input.
pub(super) struct Source<'a> {
    pub(super) name: String,
    /// When it was written, if it is a file.
    pub(super) made_at: Option<SystemTime>,
    reader: Box<dyn Read + 'a>,
    /// What is waited for before a read that may take as long as somebody likes.
    #[cfg(unix)]
    slow: Option<OwnedFd>,
    bar: ProgressBar,
}

impl<'a> Source<'a> {
    /// Opens the file, or takes what is left of standard input for `-`.
    pub(super) fn open(run: &Run<'_>, path: &Path, io: &'a mut Io<'_>) -> Result<Self, Failure> {
        let shows = io.has_moving_parts();
        if path == Path::new("-") {
            if run.shared.token_file.as_deref() == Some(path) {
                let message = "--from and --token-file both read standard input, but only one can";
                return Err(Failure::usage(message));
            }
            // What is left of the input is no answer to a question.
            io.has_person = false;
            return Ok(Self {
                name: "standard input".to_owned(),
                made_at: None,
                reader: Box::new(&mut io.input),
                #[cfg(unix)]
                slow: io::stdin().as_fd().try_clone_to_owned().ok(),
                bar: ProgressBar::hidden(),
            });
        }
        let unreadable = |error| Failure::file(Kind::File, path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if about.is_dir() {
            return Err(Failure::new(
                Kind::File,
                format!("{} is a directory", path.display()),
            ));
        }
        #[cfg(unix)]
        let slow = match about.is_file() {
            true => None,
            false => file.try_clone().ok().map(OwnedFd::from),
        };
        let bar = match shows && about.is_file() {
            true => reading(about.len()),
            false => ProgressBar::hidden(),
        };
        Ok(Self {
            name: path.to_string_lossy().into_owned(),
            // Where the file system keeps no times, it counts as made now.
            made_at: about.modified().ok(),
            reader: Box::new(bar.wrap_read(file)),
            #[cfg(unix)]
            slow,
            bar,
        })
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl Reading for Source<'_> {
    #[cfg(unix)]
    fn is_ready(&self) -> bool {
        let Some(slow) = &self.slow else {
            return true;
        };
        let mut waited = [PollFd::new(slow, PollFlags::IN)];
        let at_most = Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        };
        // What cannot be waited for is read.
        !matches!(poll(&mut waited, Some(&at_most)), Ok(0) | Err(Errno::INTR))
    }
}

/// What can be read so that an interrupt is noticed soon.
pub(super) trait Reading: Read {
    /// Waits until there is something to read, at most until an interrupt or for a second, and returns whether there is.
    fn is_ready(&self) -> bool {
        true
    }
}

/// A file that this program wrote.
impl Reading for Exported {}

/// Reads until an interrupt comes, which is an error then.
pub(super) struct Until<'a, R> {
    pub(super) source: R,
    pub(super) interrupted: &'a Interrupted,
}

impl<R> Until<'_, R> {
    fn look(&self) -> io::Result<()> {
        match self.interrupted.came() {
            true => Err(io::Error::other("interrupted")),
            false => Ok(()),
        }
    }
}

impl<R: Reading> Read for Until<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.look()?;
        while !self.source.is_ready() {
            self.look()?;
        }
        let read = self.source.read(buffer)?;
        // Whoever writes to a pipe is interrupted too, and what it wrote is not all.
        self.look().map(|()| read)
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for a file of this size.
fn reading(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    bar.with_style(style("{bar:30} {bytes} of {total_bytes} read, {eta} left"))
}
