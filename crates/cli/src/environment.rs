//! The environment variables this program reads, taken once; nothing else asks the process for one.

use std::{collections::BTreeMap, ffi::OsString};

use crate::failure::Failure;

/// Every variable that is looked at.
pub(crate) const READ: &[&str] = &[
    "AUTH0_DOMAIN",
    "AUTH0_CLIENT_ID",
    "AUTH0_CLIENT_SECRET",
    "AUTH0_AUDIENCE",
    "AUTH0_API_TOKEN",
    "AUTH0_ACCESS_TOKEN",
    "AUTH0_DRY_RUN",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "TZ",
    "USER",
    "LOGNAME",
    "USERNAME",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "TERM",
];

/// The variables as they were when the program began; one that is set to nothing counts as not set.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<&'static str, OsString>);

impl Environment {
    /// Takes what `lookup` gives for each variable of [`READ`].
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = READ
            .iter()
            .filter_map(|name| Some((*name, lookup(name).filter(|value| !value.is_empty())?)));
        Self(set.collect())
    }

    /// The value of a variable, if it is set; a failure that does not repeat it if it is no text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value
                .to_str()
                .map(Some)
                .ok_or_else(|| Failure::usage(format!("{name} is not UTF-8"))),
        }
    }

    /// The value of the first of these variables that is set.
    pub(crate) fn first(&self, names: [&str; 2]) -> Result<Option<&str>, Failure> {
        for name in names {
            if let Some(value) = self.text(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Whether a switch is on; a failure for a value that says neither yes nor no.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, Failure> {
        let Some(value) = self.text(name)? else {
            return Ok(false);
        };
        match value.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(Failure::usage(format!(
                "{name} says neither true nor false"
            ))),
        }
    }

    /// Whether output is coloured, by <https://no-color.org> and <https://bixense.com/clicolors>.
    pub(crate) fn colours(&self, is_terminal: bool) -> bool {
        let is = |name: &str, value: &str| self.0.get(name).is_some_and(|held| held == value);
        if self.0.contains_key("NO_COLOR") {
            false
        } else if self.0.contains_key("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") {
            true
        } else {
            is_terminal && !is("CLICOLOR", "0") && !is("TERM", "dumb")
        }
    }
}

#[cfg(test)]
pub(crate) fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::new(|name| {
        let pair = pairs.iter().find(|(held, _)| *held == name)?;
        Some(pair.1.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_on_off_or_refused() {
        let switch = |value| environment(&[("AUTH0_DRY_RUN", value)]).switch("AUTH0_DRY_RUN");
        for (value, on) in [
            ("true", true),
            ("1", true),
            ("Yes", true),
            ("false", false),
            ("0", false),
            ("", false),
        ] {
            assert_eq!(switch(value).ok(), Some(on), "{value}");
        }
        insta::assert_snapshot!(switch("perhaps").unwrap_err(), @"AUTH0_DRY_RUN says neither true nor false");
    }

    #[test]
    fn colours_follow_the_conventions() {
        for (pairs, terminal, pipe) in [
            (&[][..], true, false),
            (&[("NO_COLOR", "1")], false, false),
            (&[("NO_COLOR", "")], true, false),
            (&[("CLICOLOR", "0")], false, false),
            (&[("CLICOLOR_FORCE", "1")], true, true),
            (&[("CLICOLOR_FORCE", "0")], true, false),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, false),
            (&[("TERM", "dumb")], false, false),
        ] {
            let environment = environment(pairs);
            assert_eq!(
                (environment.colours(true), environment.colours(false)),
                (terminal, pipe),
                "{pairs:?}"
            );
        }
    }
}
