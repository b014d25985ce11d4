//! The clients: how each is installed at the versions pinned here, and how its program is run.

use super::{
    FOLDER,
    exchanges::Exchanges,
    process::{self, Pacing},
    tenant::Tenant,
};
use crate::failure::{Failure, Result, read, write};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Who is asked what the tenant looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Node,
    Python,
    Browser,
}

/// Whether a client can be asked on this machine.
pub(super) enum Readiness {
    Ready(Program),
    Missing(&'static str),
}

/// A client's program and what it needs around it.
pub(super) struct Program {
    interpreter: PathBuf,
    script: PathBuf,
    browser: Option<PathBuf>,
}

/// Which tenant a program asks, and where it notes what it does.
pub(super) struct Target<'a> {
    /// One line of JSON.
    pub(super) ready: &'a str,
    /// The certificate to trust, if it is none that everyone trusts.
    pub(super) ca_file: Option<&'a Path>,
    pub(super) exchanges: &'a Path,
    /// Where to note the users it makes; it then touches no others.
    pub(super) ledger: Option<&'a Path>,
}

impl<'a> Target<'a> {
    /// A local tenant, whose users are there to be touched.
    pub(super) fn local(tenant: &'a Tenant, exchanges: &'a Exchanges) -> Self {
        Self {
            ready: tenant.ready.trim_end(),
            ca_file: Some(&tenant.ca_file),
            exchanges: &exchanges.file,
            ledger: None,
        }
    }
}

impl Client {
    pub(super) const ALL: [Self; 3] = [Self::Node, Self::Python, Self::Browser];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Browser => "browser",
        }
    }

    /// Whether it is Auth0's own.
    pub(super) const fn is_official(self) -> bool {
        matches!(self, Self::Node | Self::Python)
    }

    /// The file that says what it should see.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Node => "node.txt",
            Self::Python => "python.txt",
            Self::Browser => "browser.txt",
        }
    }

    /// Installs what it needs, once for each state of its lock file.
    pub(super) fn prepare(self, root: &Path, cache: &Path) -> Result<Readiness> {
        let source = root.join(FOLDER);
        match self {
            Self::Python if found("python3").is_none() => Ok(Readiness::Missing(NO_PYTHON)),
            Self::Node | Self::Browser if found("npm").is_none() => Ok(Readiness::Missing(NO_NODE)),
            Self::Python => {
                let (source, home) = (source.join("python"), cache.join("python"));
                let python = home.join("bin/python");
                once(&source.join("requirements.txt"), &home, |lock| {
                    process::output(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
                    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
                    process::output(Command::new(&python).args(install).arg(lock))
                })?;
                Ok(Readiness::Ready(Program {
                    interpreter: python,
                    script: source.join("client.py"),
                    browser: None,
                }))
            }
            Self::Node | Self::Browser => {
                let browser = match self {
                    Self::Browser => match browser()? {
                        Some(browser) => Some(browser),
                        None => return Ok(Readiness::Missing(NO_BROWSER)),
                    },
                    _ => None,
                };
                // Modules are looked for beside the program, so it is copied to where they are.
                let (source, home) = (source.join("node"), cache.join("node"));
                copy(&source, &home)?;
                once(&source.join("package-lock.json"), &home, |_| {
                    process::output(Command::new("npm").arg("ci").current_dir(&home))
                })?;
                let script = if self == Self::Node {
                    "client.js"
                } else {
                    "browser.js"
                };
                Ok(Readiness::Ready(Program {
                    interpreter: "node".into(),
                    script: home.join(script),
                    browser,
                }))
            }
        }
    }
}

impl Program {
    /// Runs it against a tenant and returns the lines it wrote.
    pub(super) fn run(&self, target: &Target<'_>) -> Result<String> {
        process::output(&mut self.command_of(&self.script, target))
    }

    /// The same for another script beside its own.
    pub(super) fn run_script(
        &self,
        script: &str,
        target: &Target<'_>,
        pacing: Pacing,
    ) -> Result<String> {
        process::output_at(&mut self.command(script, target), pacing)
    }

    /// The same for a script elsewhere.
    pub(super) fn run_file(&self, script: &Path, target: &Target<'_>) -> Result<String> {
        process::output(&mut self.command_of(script, target))
    }

    /// How another script beside its own is run.
    pub(super) fn command(&self, script: &str, target: &Target<'_>) -> Command {
        self.command_of(&self.script.with_file_name(script), target)
    }

    fn command_of(&self, script: &Path, target: &Target<'_>) -> Command {
        let mut command = Command::new(&self.interpreter);
        command
            .arg(script)
            .env("TENANT", target.ready)
            .env("EXCHANGES", target.exchanges)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(ca_file) = target.ca_file {
            command
                .env("NODE_EXTRA_CA_CERTS", ca_file)
                .env("SSL_CERT_FILE", ca_file)
                .env("NO_PROXY", "127.0.0.1,localhost");
        }
        match target.ledger {
            Some(ledger) => command.env("LEDGER", ledger),
            None => command.env_remove("LEDGER"),
        };
        if let Some(browser) = &self.browser {
            command.env("CHROMIUM", browser);
        }
        command
    }
}

const NO_NODE: &str = "there is no node with npm on this machine";

const NO_PYTHON: &str = "there is no python3 on this machine";

const NO_BROWSER: &str = "there is no Chromium with chromedriver on this machine";

/// The browser, installed first where that is possible without asking anybody.
fn browser() -> Result<Option<PathBuf>> {
    let installed =
        || found("chromedriver").and(found("chromium").or_else(|| found("google-chrome")));
    let may_install = || {
        let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
        root && found("apt-get").is_some()
    };
    if installed().is_none() && may_install() {
        let packages = [
            "install",
            "--yes",
            "--quiet",
            "--no-install-recommends",
            "chromium",
            "chromium-driver",
        ];
        process::output(Command::new("apt-get").args(["update", "--quiet"]))?;
        process::output(Command::new("apt-get").args(packages))?;
    }
    Ok(installed())
}

/// The path of a program, if it is there.
fn found(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Installs unless the same lock file was installed before.
fn once(lock: &Path, home: &Path, install: impl FnOnce(&Path) -> Result<String>) -> Result<()> {
    let (wanted, stamp) = (read(lock)?, home.join("installed"));
    if read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install(lock)?;
    write(&stamp, &wanted)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    };
    copied().map_err(|error| Failure::new(format!("cannot copy {}: {error}", from.display())))
}

#[cfg(test)]
mod tests {
    use super::{Failure, once};
    use crate::failure::write;
    use std::cell::Cell;

    #[test]
    fn what_is_pinned_is_installed_once_for_each_state_of_its_lock_file() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, home) = (folder.path().join("lock"), folder.path().join("home"));
        let installs = Cell::new(0);
        let install = || {
            once(&lock, &home, |_| {
                Ok(installs.replace(installs.get() + 1).to_string())
            })
        };
        write(&lock, "one").unwrap();
        install().unwrap();
        install().unwrap();
        assert_eq!(installs.get(), 1);
        write(&lock, "two").unwrap();
        assert!(once(&lock, &home, |_| Err(Failure::new("no network"))).is_err());
        // What failed is tried again.
        install().unwrap();
        assert_eq!(installs.get(), 2);
    }
}
