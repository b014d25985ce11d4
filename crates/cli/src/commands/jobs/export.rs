//! A fresh export of the tenant's users, ordered and waited for.

use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget};
use tokio::sync::mpsc::unbounded_channel;
use unlink_batch::{Export, ExportProgress, Exported, Reader, Stop};

use crate::{
    commands::{Target, jobs::style},
    exit::Kind,
    failure::Failure,
    interrupt::Interrupts,
    io::Io,
    text::{count, span},
};

/// Orders it, waits for it, and fetches it to a file in `folder` that has no name there.
pub(super) async fn fetched(
    target: &Target,
    folder: &Path,
    with_profiles: bool,
    io: &mut Io<'_>,
) -> Result<Exported, Failure> {
    let here = Path::new(".");
    let folder = if folder.as_os_str().is_empty() {
        here
    } else {
        folder
    };
    let (told, mut news) = unbounded_channel();
    let mut options = Export::default().on_progress(move |progress| {
        // Nobody listens any more only where the export has ended.
        drop(told.send(progress.clone()));
    });
    if with_profiles {
        options = options.with_profiles();
    }
    let mut interrupts = Interrupts::listen().map_err(|error| {
        Failure::new(Kind::File, "interrupts cannot be listened to").because(&error)
    })?;
    let (stopper, stop) = Stop::new();
    let reader = Reader::new(&target.client);
    let mut shown = Shown::new(io);
    let exporting = reader.export(&target.downloads, folder, options, stop);
    let mut exporting = std::pin::pin!(exporting);
    let ended = loop {
        tokio::select! {
            biased;
            () = interrupts.next() => stopper.at_once(),
            Some(progress) = news.recv() => shown.tell(&progress, io),
            ended = &mut exporting => break ended,
        }
    };
    shown.end();
    ended.map_err(|error| Failure::job(&error, &target.tenant))
}

/// How far it is: a line that changes at a terminal, lines elsewhere.
struct Shown {
    line: Option<ProgressBar>,
    is_fetching: bool,
}

impl Shown {
    fn new(io: &Io<'_>) -> Self {
        let line = io.has_moving_parts().then(|| {
            let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            line.with_style(style("{spinner} {msg}"))
        });
        // A terminal that cannot move its cursor gets lines.
        let line = line.filter(|line| !line.is_hidden());
        Self {
            line,
            is_fetching: false,
        }
    }

    fn tell(&mut self, progress: &ExportProgress, io: &mut Io<'_>) {
        let told = match progress {
            ExportProgress::Written { percent, left, .. } => {
                let mut told = "The tenant writes an export of its users".to_owned();
                if let Some(percent) = percent {
                    told += &format!(", {percent} %");
                }
                if let Some(left) = left {
                    told += &format!(", about {} left", span(*left));
                }
                told
            }
            ExportProgress::Fetched { bytes } => format!("Fetched {} bytes of it", count(*bytes)),
            _ => return,
        };
        let is_new = !self.is_fetching;
        self.is_fetching = matches!(progress, ExportProgress::Fetched { .. });
        match &self.line {
            Some(line) => {
                line.set_message(told);
                line.tick();
            }
            // Of the file, that it comes is enough.
            None if is_new && !self.is_fetching => io.say(&told),
            None => {}
        }
    }

    fn end(self) {
        if let Some(line) = self.line {
            line.finish_and_clear();
        }
    }
}
