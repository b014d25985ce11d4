//! The tenant's clock: the only place that reads time. Real time shifted by an offset, or frozen.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) i64);

impl Millis {
    /// Whole seconds since 1970, rounded down.
    pub(crate) const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The last time that the forms below can write.
    pub(crate) const LAST: Self = Self(253_402_300_799_999);

    /// So much later, but no later than the last.
    pub(crate) fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis)).min(Self::LAST)
    }

    pub(crate) const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// The form Auth0 writes, `2023-01-25T19:00:59.837Z`.
    pub(crate) fn iso(self) -> String {
        let at = self.date_time();
        let (date, time) = (at.date(), at.time());
        let (hour, minute, second, milli) = time.as_hms_milli();
        format!(
            "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
        )
    }

    /// Year to millisecond in 17 digits, as ids of log entries begin.
    pub(crate) fn digits(self) -> String {
        let digits = self.iso();
        digits.chars().filter(char::is_ascii_digit).collect()
    }

    /// The form of the `Date` header, `Wed, 25 Jan 2023 19:00:59 GMT`.
    pub(crate) fn http_date(self) -> String {
        let at = self.date_time();
        let (date, time) = (at.date(), at.time());
        let (hour, minute, second) = time.as_hms();
        let (weekday, month) = (date.weekday().to_string(), date.month().to_string());
        format!(
            "{}, {:02} {} {:04} {hour:02}:{minute:02}:{second:02} GMT",
            &weekday[..3],
            date.day(),
            &month[..3],
            date.year(),
        )
    }

    /// Reads an RFC 3339 date.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos() / 1_000_000)
            .ok()
            .map(Self)
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<Millis> for SystemTime {
    fn from(at: Millis) -> Self {
        let span = Duration::from_millis(at.0.unsigned_abs());
        if at.0 < 0 {
            UNIX_EPOCH - span
        } else {
            UNIX_EPOCH + span
        }
    }
}

impl From<SystemTime> for Millis {
    fn from(at: SystemTime) -> Self {
        match at.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            Err(before) => Self(-millis(before.duration())),
        }
    }
}

/// What time the tenant thinks it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// Real time plus this many milliseconds.
    Running { offset: i64 },
    /// Time stands still, but for so many milliseconds with each request.
    Frozen { at: Millis, step: i64 },
}

impl Clock {
    pub(crate) const fn real() -> Self {
        Self::Running { offset: 0 }
    }

    pub(crate) fn now(self) -> Millis {
        match self {
            Self::Running { offset } => system_now().plus(offset),
            Self::Frozen { at, .. } => at,
        }
    }

    /// Stops at this time, or at the present one.
    pub(crate) fn freeze(&mut self, at: Option<Millis>) {
        *self = Self::Frozen {
            at: at.unwrap_or_else(|| self.now()),
            step: 0,
        };
    }

    /// Stops at the present time, but for a step with each request.
    pub(crate) fn step(&mut self, by: Duration) {
        *self = Self::Frozen {
            at: self.now(),
            step: millis(by),
        };
    }

    /// Takes the step of a request.
    pub(crate) fn request(&mut self) {
        if let Self::Frozen { at, step } = self {
            *at = at.plus(*step);
        }
    }

    /// Runs on from the time it shows.
    pub(crate) fn resume(&mut self) {
        *self = Self::Running {
            offset: self.now().0.saturating_sub(system_now().0),
        };
    }

    /// Goes forward, frozen or not.
    pub(crate) fn advance(&mut self, by: Duration) {
        let millis = millis(by);
        match self {
            Self::Running { offset } => *offset = offset.saturating_add(millis),
            Self::Frozen { at, .. } => *at = at.plus(millis),
        }
    }

    pub(crate) const fn is_frozen(self) -> bool {
        matches!(self, Self::Frozen { .. })
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn system_now() -> Millis {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    use super::Millis;

    #[test]
    fn dates_have_the_recorded_form() {
        let at = Millis(1_674_673_259_837);
        assert_eq!(at.iso(), "2023-01-25T19:00:59.837Z");
        assert_eq!(at.digits(), "20230125190059837");
        assert_eq!(at.http_date(), "Wed, 25 Jan 2023 19:00:59 GMT");
        assert_eq!(Millis::parse("2023-01-25T19:00:59.837Z"), Some(at));
    }
}
