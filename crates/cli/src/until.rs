//! A time to end at, as people type it: a time of day, a local date and time, or a point in time.

use std::str::FromStr;

use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::{DateTime, Time},
    tz::TimeZone,
};

use crate::{environment::Environment, failure::Failure};

/// What was typed; what it means depends on when and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Until {
    /// With an offset from UTC.
    At(Timestamp),
    /// Of this machine's clock.
    Local(DateTime),
    /// The next time that this machine's clock shows it.
    Clock(Time),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.parse().map(Self::At);
        // A clock's time alone parses as neither of the others.
        let local = || text.parse().map(Self::Local);
        let clock = || text.parse().map(Self::Clock);
        at.or_else(|_| local()).or_else(|_| clock()).map_err(|_| {
            "give a time such as 06:00, 2026-01-31T06:00 or 2026-01-31T06:00+01:00".to_owned()
        })
    }
}

impl Until {
    /// The time meant, seen from `now` in its time zone; a failure if it is past.
    pub(crate) fn after(self, now: &Zoned) -> Result<Zoned, Failure> {
        let zone = now.time_zone();
        let unheard_of = |error: jiff::Error| {
            Failure::usage("--until: this time cannot be reckoned with").because(&error)
        };
        let meant = match self {
            Self::At(at) => at.to_zoned(zone.clone()),
            Self::Local(local) => local.to_zoned(zone.clone()).map_err(unheard_of)?,
            Self::Clock(clock) => {
                let on = |date: jiff::civil::Date| date.to_datetime(clock).to_zoned(zone.clone());
                let today = on(now.date()).map_err(unheard_of)?;
                if today > *now {
                    today
                } else {
                    let tomorrow = now.date().checked_add(1.day());
                    tomorrow.and_then(on).map_err(unheard_of)?
                }
            }
        };
        if meant <= *now {
            let (meant, now) = (shown(&meant), shown(now));
            return Err(Failure::usage(format!(
                "--until: {meant} is past, it is {now}"
            )));
        }
        Ok(meant)
    }
}

/// A time with its offset, to the second.
pub(crate) fn shown(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The time zone of this machine, or the one that TZ names.
pub(crate) fn zone(environment: &Environment) -> Result<TimeZone, Failure> {
    let Some(name) = environment.text("TZ")? else {
        return TimeZone::try_system().map_err(|error| {
            Failure::usage("this machine's time zone is not known: give --until with an offset")
                .because(&error)
        });
    };
    let name = name.strip_prefix(':').unwrap_or(name);
    TimeZone::get(name)
        .or_else(|_| TimeZone::posix(name))
        .map_err(|_| Failure::usage("TZ names no time zone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, now: &str, zone: &str) -> Result<String, String> {
        let until: Until = text.parse()?;
        let zone = TimeZone::posix(zone).unwrap();
        let now = now.parse::<Timestamp>().unwrap().to_zoned(zone);
        let meant = until.after(&now).map_err(|failure| failure.to_string())?;
        Ok(shown(&meant))
    }

    #[test]
    fn a_time_is_of_the_clock_here_unless_it_says_otherwise() {
        let winter = "CET-1CEST,M3.5.0,M10.5.0/3";
        for (text, now, zone, meant) in [
            // The night shift: begun in the evening, to end in the morning.
            (
                "06:00",
                "2026-11-27T22:10:00Z",
                winter,
                "2026-11-28T06:00:00+01:00",
            ),
            (
                "06:00:30",
                "2026-11-28T04:10:00Z",
                winter,
                "2026-11-28T06:00:30+01:00",
            ),
            // Exactly now is the next day's.
            (
                "06:00",
                "2026-11-28T05:00:00Z",
                winter,
                "2026-11-29T06:00:00+01:00",
            ),
            (
                "2026-11-28T06:00",
                "2026-11-27T22:10:00Z",
                winter,
                "2026-11-28T06:00:00+01:00",
            ),
            (
                "2026-11-28 06:00",
                "2026-11-27T22:10:00Z",
                "EST5",
                "2026-11-28T06:00:00-05:00",
            ),
            (
                "2026-11-28T06:00Z",
                "2026-11-27T22:10:00Z",
                winter,
                "2026-11-28T07:00:00+01:00",
            ),
            (
                "2026-11-28T06:00-05:00",
                "2026-11-27T22:10:00Z",
                winter,
                "2026-11-28T12:00:00+01:00",
            ),
            // An hour that is left out in spring, and one that is there twice in autumn: the first.
            (
                "02:30",
                "2026-03-28T23:00:00Z",
                winter,
                "2026-03-29T03:30:00+02:00",
            ),
            (
                "02:30",
                "2026-10-24T22:30:00Z",
                winter,
                "2026-10-25T02:30:00+02:00",
            ),
        ] {
            assert_eq!(after(text, now, zone).as_deref(), Ok(meant), "{text} {now}");
        }
    }

    #[test]
    fn what_is_past_or_no_time_is_refused() {
        let refused = |text| after(text, "2026-11-27T22:10:00Z", "UTC0").unwrap_err();
        insta::assert_snapshot!(refused("2026-11-27T22:10Z"), @"--until: 2026-11-27T22:10:00+00:00 is past, it is 2026-11-27T22:10:00+00:00");
        insta::assert_snapshot!(refused("2026-11-27T06:00"), @"--until: 2026-11-27T06:00:00+00:00 is past, it is 2026-11-27T22:10:00+00:00");
        for text in ["", "6", "soon", "25:00", "2026-13-01T00:00", "+2h"] {
            assert!(text.parse::<Until>().is_err(), "{text}");
        }
    }
}
