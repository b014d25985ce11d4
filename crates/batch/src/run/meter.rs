//! What a run sends and gets done, in slices of time: written to the job as it goes, so that a kill loses a second of it.

use std::time::{Duration, SystemTime};

use unlink::transport::Pace;

use crate::{
    job::{Slice, SliceSoFar},
    traffic::Traffic,
};

const WRITTEN_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Meter {
    /// What the client had sent when that was counted last.
    pace: Pace,
    /// How long the run held back since then.
    held_back: Duration,
    total: Traffic,
    slice: SliceSoFar,
    /// When the slice was written last; `None` if there is something new in it.
    written: Option<SystemTime>,
    is_new: bool,
}

impl Meter {
    pub(super) fn new(now: SystemTime, pace: Pace) -> Self {
        Self {
            pace,
            held_back: Duration::ZERO,
            total: Traffic::default(),
            slice: empty(now),
            written: None,
            is_new: false,
        }
    }

    pub(super) const fn total(&self) -> Traffic {
        self.total
    }

    /// Takes note of a time in which the run sends nothing.
    pub(super) fn hold_back(&mut self, wait: Duration) {
        self.held_back += wait;
    }

    /// Counts what was sent since the last look, and a row if one got a result, with whether that is a failure; returns the
    /// slices that are to be written now.
    pub(super) fn look(
        &mut self,
        now: SystemTime,
        pace: Pace,
        row: Option<bool>,
    ) -> Vec<SliceSoFar> {
        let mut traffic = Traffic::between(&self.pace, &pace);
        traffic.waited += std::mem::take(&mut self.held_back);
        self.pace = pace;
        self.add(now, &traffic, row)
    }

    /// Counts the rest; returns the slices that are not written yet.
    pub(super) fn close(&mut self, now: SystemTime, pace: Pace) -> Vec<SliceSoFar> {
        let lowest = Traffic::lowest(&pace);
        let mut write = self.look(now, pace, None);
        write.extend(self.add(now, &lowest, None));
        write.extend(self.rest());
        write
    }

    fn add(&mut self, now: SystemTime, traffic: &Traffic, row: Option<bool>) -> Vec<SliceSoFar> {
        let mut write = Vec::new();
        let current = empty(now);
        if current.at != self.slice.at {
            write.extend(self.rest());
            self.slice = current;
            self.written = None;
        }
        self.total.add(traffic);
        self.slice.traffic.add(traffic);
        if let Some(is_failure) = row {
            self.slice.rows += 1;
            self.slice.failures += u64::from(is_failure);
        }
        self.is_new = true;
        let is_due = self.written.is_none_or(|written| {
            now.duration_since(written).unwrap_or(WRITTEN_EVERY) >= WRITTEN_EVERY
        });
        if is_due {
            self.written = Some(now);
            write.extend(self.rest());
        }
        write
    }

    /// The slice as it is, if that was not written yet.
    fn rest(&mut self) -> Option<SliceSoFar> {
        std::mem::take(&mut self.is_new).then_some(self.slice)
    }
}

fn empty(now: SystemTime) -> SliceSoFar {
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let start = since - since % Slice::LENGTH.as_secs();
    SliceSoFar {
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(start),
        rows: 0,
        failures: 0,
        traffic: Traffic::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn slices_are_whole_and_what_was_not_written_is_left_for_the_end() {
        let mut meter = Meter::new(at(1_003), Pace::default());
        let one = Traffic {
            requests: 1,
            ..Traffic::default()
        };
        assert_eq!(
            meter.add(at(1_003), &one, Some(false)).len(),
            1,
            "the first at once"
        );
        assert!(meter.add(at(1_003), &one, Some(true)).is_empty());
        let written = meter.add(at(1_010), &one, None);
        let told: Vec<_> = written
            .iter()
            .map(|slice| (slice.at, slice.rows, slice.failures, slice.traffic.requests))
            .collect();
        assert_eq!(told, [(at(1_000), 2, 1, 2), (at(1_010), 0, 0, 1)]);
        assert!(meter.rest().is_none());
        assert!(meter.add(at(1_010), &one, Some(false)).is_empty());
        assert_eq!(meter.rest().unwrap().traffic.requests, 2);
        assert_eq!(meter.total().requests, 4);
    }
}
