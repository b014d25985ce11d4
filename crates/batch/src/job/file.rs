//! The job as a file: only its owner may read it, one process writes it, and its disk is this machine's.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::network;
use crate::error::{Error, ErrorKind, storage};

/// Makes an empty file that nobody else may read.
pub(super) fn create(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|error| storage(&format!("make {}", path.display()), error))
}

/// The file that a job is written to until it is whole; it goes with this value unless it was put in its place.
pub(super) struct NewFile {
    pub(super) path: PathBuf,
    target: PathBuf,
}

impl NewFile {
    pub(super) fn new(target: &Path) -> Result<Self, Error> {
        if target.exists() {
            return Err(exists(target));
        }
        Self::beside(target, "draft")
    }

    /// A file for what may be there already.
    pub(super) fn beside(target: &Path, kind: &str) -> Result<Self, Error> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.{kind}", std::process::id()));
        let path = target.with_file_name(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(storage("remove an old draft", error));
            }
            _ => {}
        }
        create(&path)?;
        let draft = Self {
            path,
            target: target.to_owned(),
        };
        network::refuse(&draft.path)?;
        Ok(draft)
    }

    /// Puts the file in its place, durably, unless there is one by now.
    pub(super) fn place(self) -> Result<(), Error> {
        self.sync()?;
        // A link, unlike a rename, does not replace a file.
        match fs::hard_link(&self.path, &self.target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(&self.target));
            }
            // Not every file system has links.
            Err(_) => fs::rename(&self.path, &self.target)
                .map_err(|error| storage("put the job in its place", error))?,
            Ok(()) => {}
        }
        sync_folder(&self.target)
    }

    /// Puts the file in the place of the one that is there, durably.
    pub(super) fn replace(self) -> Result<(), Error> {
        self.sync()?;
        sync_folder(&self.target)?;
        fs::rename(&self.path, &self.target)
            .map_err(|error| storage("put the job in its place", error))?;
        sync_folder(&self.target)
    }

    fn sync(&self) -> Result<(), Error> {
        let written = File::open(&self.path).and_then(|file| file.sync_all());
        written.map_err(|error| storage("write the job", error))
    }
}

/// Files of this job that stand beside it: as it was before a migration (`.v1`), and what a process that was killed left
/// of one it was making (`.1234.draft`, `.1234.migrated`).
pub(super) fn kept_beside(job: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| storage("look into the job's folder", error);
    let name = job.file_name().unwrap_or_default().to_string_lossy();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder(job)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let other = entry.file_name();
        let other = other.to_string_lossy();
        let rest = other
            .strip_prefix(&*name)
            .and_then(|rest| rest.strip_prefix('.'));
        let is_kept = rest.is_some_and(|rest| match rest.split_once('.') {
            None => rest.strip_prefix('v').is_some_and(is_number),
            Some((process, kind)) => {
                is_number(process)
                    && matches!(kind.trim_end_matches("-journal"), "draft" | "migrated")
            }
        });
        if is_kept {
            kept.push(entry.path());
        }
    }
    kept.sort();
    Ok(kept)
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the names in a file's folder durable.
fn sync_folder(file: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        let synced = File::open(folder(file)).and_then(|folder| folder.sync_all());
        synced.map_err(|error| storage("write the job's folder", error))?;
    }
    let _ = file;
    Ok(())
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Nothing to be done about a draft that stays: the next one of this name replaces it.
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) fn exists(path: &Path) -> Error {
    let message = format!("{} is there already", path.display());
    Error::new(ErrorKind::Exists, message)
}

/// The files this process has locked: opening one again, and closing it, would take SQLite's own locks away.
static LOCKED: Mutex<BTreeMap<PathBuf, u32>> = Mutex::new(BTreeMap::new());

fn canonical(path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(|error| storage(&format!("open {}", path.display()), error))
}

/// The right to write a job, until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let path = canonical(path)?;
        let locked = LOCKED.lock().unwrap_or_else(PoisonError::into_inner);
        if locked.contains_key(&path) {
            return Err(busy(&path));
        }
        Self::of(locked, &path, path.clone())
    }

    /// Locks the file at `path`, which is about to take the place of `target`, a file that this process has locked.
    pub(super) fn take_for(path: &Path, target: &Path) -> Result<Self, Error> {
        let target = canonical(target)?;
        let locked = LOCKED.lock().unwrap_or_else(PoisonError::into_inner);
        Self::of(locked, path, target)
    }

    fn of(
        mut locked: MutexGuard<'_, BTreeMap<PathBuf, u32>>,
        open: &Path,
        path: PathBuf,
    ) -> Result<Self, Error> {
        let opening = |error| storage(&format!("open {}", open.display()), error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(open)
            .map_err(opening)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;

            use rustix::{
                fs::{FlockOperation, flock},
                io::Errno,
            };
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Err(busy(&path)),
                Err(error) => return Err(storage("lock the job", error.into())),
            }
            // Another file may have taken its place before it was locked.
            let now = fs::metadata(open).map_err(opening)?;
            let ours = file.metadata().map_err(opening)?;
            if (now.dev(), now.ino()) != (ours.dev(), ours.ino()) {
                return Err(busy(&path));
            }
        }
        *locked.entry(path.clone()).or_default() += 1;
        Ok(Self { path, _file: file })
    }
}

/// Whether a process has the right to write the job at `path` now. This one must not look at that job meanwhile: closing
/// the file takes SQLite's own locks on it away.
pub(super) fn is_locked(path: &Path) -> Result<bool, Error> {
    let path = canonical(path)?;
    let locked = LOCKED.lock().unwrap_or_else(PoisonError::into_inner);
    if locked.contains_key(&path) {
        return Ok(true);
    }
    #[cfg(unix)]
    {
        use rustix::{
            fs::{FlockOperation, flock},
            io::Errno,
        };
        let file = File::open(&path)
            .map_err(|error| storage(&format!("open {}", path.display()), error))?;
        // Shared, so that others who look are not in the way.
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(true),
            Err(error) => return Err(storage("look at the job's lock", error.into())),
        }
    }
    Ok(false)
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut locked = LOCKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = locked.get_mut(&self.path) {
            *count -= 1;
            if *count == 0 {
                locked.remove(&self.path);
            }
        }
    }
}

fn busy(path: &Path) -> Error {
    let message = format!(
        "{} is being worked on by another process: wait for it, or look at its status",
        path.display()
    );
    Error::new(ErrorKind::Locked, message)
}
