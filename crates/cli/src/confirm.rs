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
            with(typed, &["--yes"])
        );
        return Err(Failure::new(Kind::ConfirmationNeeded, message));
    }
    let answer = ask(&format!("{plan}\nGo ahead? [y/N] "), io)?;
    if is_yes(&answer) {
        Ok(Consent::Asked)
    } else {
        Err(declined())
    }
}

/// Asks, and returns what was answered without the blanks around it; a failure if nothing was.
pub(crate) fn ask(question: &str, io: &mut Io<'_>) -> Result<String, Failure> {
    io.error(question);
    let mut answer = String::new();
    match io.input.read_line(&mut answer) {
        Ok(0) => {
            // The input ended: the cursor is still behind the question.
            io.error("\n");
            Err(declined())
        }
        Ok(_) => Ok(answer.trim().to_owned()),
        Err(error) => Err(declined().because(&error)),
    }
}

pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer.to_lowercase().as_str(), "y" | "yes")
}

pub(crate) fn declined() -> Failure {
    Failure::new(Kind::Declined, "declined: nothing was changed")
}

/// The command as it was typed, with these words among its options.
pub(crate) fn with(typed: &[String], more: &[&str]) -> String {
    let options_end = typed.iter().position(|word| word == "--");
    let (options, rest) = typed.split_at(options_end.unwrap_or(typed.len()));
    let words = options.iter().map(|word| shell_word(word));
    let words = words.chain(more.iter().map(|word| shell_word(word)));
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
            with(&words, &["--yes"])
        };
        insta::assert_snapshot!(typed(&["unlink", "auth0|1", "google-oauth2", "2"]), @"auth0-unlink unlink 'auth0|1' google-oauth2 2 --yes");
        insta::assert_snapshot!(typed(&["--domain", "a.b", "unlink", "--", "auth0|1", "-x|2"]), @"auth0-unlink --domain a.b unlink --yes -- 'auth0|1' '-x|2'");
    }
}
