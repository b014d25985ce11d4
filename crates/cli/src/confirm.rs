//! The question before a change, and what takes its place where nobody can be asked.

use crate::{exit::Kind, failure::Failure, io::Io, text::shell_word};

/// How a change was agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// By `--yes`: what was read a moment ago still serves.
    Given,
    /// By an answer, for which minutes may have passed.
    Asked,
}

/// Says `plan` and asks whether to go ahead, unless `--yes` was given; a failure unless the answer is yes.
pub(crate) fn consent(
    yes: bool,
    plan: &str,
    typed: &[String],
    io: &mut Io<'_>,
) -> Result<Consent, Failure> {
    if yes {
        io.say(plan);
        return Ok(Consent::Given);
    }
    if !io.has_person || io.is_json() {
        io.say(plan);
        let message = format!(
            "nothing was changed: nobody can be asked here; to go ahead, run {}",
            with_yes(typed)
        );
        return Err(Failure::new(Kind::ConfirmationNeeded, message));
    }
    io.error(&format!("{plan}\nGo ahead? [y/N] "));
    let mut answer = String::new();
    let read = io.input.read_line(&mut answer);
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(Consent::Asked),
        (Ok(0), _) => {
            // The input ended: the cursor is still behind the question.
            io.error("\n");
            Err(declined())
        }
        (Ok(_), _) => Err(declined()),
        (Err(error), _) => Err(declined().because(&error)),
    }
}

fn declined() -> Failure {
    Failure::new(Kind::Declined, "declined: nothing was changed")
}

/// The command as it was typed, with `--yes` among its options.
fn with_yes(typed: &[String]) -> String {
    let options_end = typed.iter().position(|word| word == "--");
    let (options, rest) = typed.split_at(options_end.unwrap_or(typed.len()));
    let words = options.iter().map(|word| shell_word(word));
    let words = words.chain(["--yes".to_owned()]);
    let words: Vec<_> = words
        .chain(rest.iter().map(|word| shell_word(word)))
        .collect();
    format!("auth0-unlink {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_run_is_the_one_that_was_typed() {
        let typed = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            with_yes(&words)
        };
        insta::assert_snapshot!(typed(&["unlink", "auth0|1", "google-oauth2", "2"]), @"auth0-unlink unlink 'auth0|1' google-oauth2 2 --yes");
        insta::assert_snapshot!(typed(&["--domain", "a.b", "unlink", "--", "auth0|1", "-x|2"]), @"auth0-unlink --domain a.b unlink --yes -- 'auth0|1' '-x|2'");
    }
}
