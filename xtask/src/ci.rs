//! `cargo xtask ci`: the steps a change must pass, in the order that fails soonest.

use crate::failure::{Failure, Result};
use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// One cargo command; what is shown to repeat it is what was run.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const STEPS: &[Step] = &[
    Step::new("format", &["fmt", "--all", "--check"]),
    Step::new("codegen", &["xtask", "codegen", "--check"]),
    Step::new("tidy", &["xtask", "tidy"]),
    // With the examples in the documentation.
    Step::new("test", &["test", "--workspace"]),
    Step::new(
        "lint",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ],
    ),
    // Without the built-in round trip, with the other TLS provider, and with none; the lints above had all features.
    Step::new(
        "bare",
        &[
            "clippy",
            "-p",
            "transport",
            "-p",
            "unlink",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
    ),
    Step::new(
        "aws-lc-rs",
        &[
            "clippy",
            "-p",
            "transport",
            "-p",
            "unlink",
            "--no-default-features",
            "--features",
            "aws-lc-rs",
            "--",
            "-D",
            "warnings",
        ],
    ),
    // Whose tests over TLS are not among those above.
    Step::new(
        "test-aws-lc-rs",
        &[
            "test",
            "-p",
            "transport",
            "-p",
            "unlink",
            "--no-default-features",
            "--features",
            "aws-lc-rs",
            "--tests",
        ],
    ),
    Step::new(
        "no-tls",
        &[
            "clippy",
            "-p",
            "transport",
            "--no-default-features",
            "--features",
            "hyper,private-key-jwt",
            "--",
            "-D",
            "warnings",
        ],
    ),
    Step {
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        ..Step::new("document", &["doc", "--workspace", "--no-deps"])
    },
    Step::new("demo", &["run", "--", "demo"]),
    // The only one that needs the network, and it comes last.
    Step::new("contract", &["xtask", "contract", "--if-changed"]),
];

impl Step {
    const fn new(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self {
            name,
            arguments,
            environment: &[],
        }
    }

    fn succeeds(&self, root: &Path) -> Result<bool> {
        let status = Command::new("cargo")
            .args(self.arguments)
            .envs(self.environment.iter().copied())
            .current_dir(root)
            .stdin(Stdio::null())
            .status();
        let status = status.map_err(|error| Failure::new(format!("cannot run {self}: {error}")))?;
        Ok(status.success())
    }
}

/// The command as a shell takes it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in self.environment {
            write!(f, "{key}=\"{value}\" ")?;
        }
        write!(f, "cargo {}", self.arguments.join(" "))
    }
}

/// Runs every step up to the first that fails.
pub(crate) fn run(root: &Path) -> Result<String> {
    run_steps(STEPS, |step| step.succeeds(root))
}

fn run_steps(steps: &[Step], succeeds: impl Fn(&Step) -> Result<bool>) -> Result<String> {
    let mut times = Vec::new();
    for step in steps {
        println!("==> {}: {step}", step.name);
        let start = Instant::now();
        let is_success = succeeds(step)?;
        let seconds = start.elapsed().as_secs_f64();
        println!("<== {}: {seconds:.1} s\n", step.name);
        if !is_success {
            return Err(Failure::new(format!(
                "ci: {} failed. To repeat it alone:\n\n    {step}",
                step.name
            )));
        }
        times.push(format!("{} {seconds:.1} s", step.name));
    }
    Ok(format!("ci: passed ({})", times.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{STEPS, Step, run_steps};
    use crate::failure::read;
    use std::cell::RefCell;

    #[test]
    fn the_guide_names_every_command() {
        let guide = read(&crate::root().join("docs/CONTRIBUTING.md")).unwrap();
        for step in STEPS {
            assert!(
                guide.contains(&format!("`{step}`")),
                "docs/CONTRIBUTING.md does not name `{step}`"
            );
        }
    }

    #[test]
    fn no_step_runs_another_or_all_of_them() {
        for (at, step) in STEPS.iter().enumerate() {
            assert!(!step.arguments.starts_with(&["xtask", "ci"]), "{step}");
            for other in &STEPS[..at] {
                assert_ne!(step.name, other.name);
                assert_ne!(step.to_string(), other.to_string());
            }
        }
    }

    #[test]
    fn the_first_failure_ends_the_run_and_says_how_to_repeat_it() {
        let bad = Step {
            environment: &[("FLAGS", "-D warnings")],
            ..Step::new("bad", &["doc", "--no-deps"])
        };
        let steps = [Step::new("good", &[]), bad, Step::new("unreached", &[])];
        let ran = RefCell::new(Vec::new());
        let failure = run_steps(&steps, |step| {
            ran.borrow_mut().push(step.name);
            Ok(step.name != "bad")
        });
        assert_eq!(*ran.borrow(), ["good", "bad"]);
        insta::assert_snapshot!(failure.unwrap_err(), @r#"
        ci: bad failed. To repeat it alone:

            FLAGS="-D warnings" cargo doc --no-deps
        "#);
    }

    #[test]
    fn a_run_without_failure_lists_its_steps() {
        let passed = run_steps(&[Step::new("one", &[]), Step::new("two", &[])], |_| {
            Ok(true)
        })
        .unwrap();
        assert!(
            passed.starts_with("ci: passed (one ") && passed.contains(", two "),
            "{passed}"
        );
    }
}
