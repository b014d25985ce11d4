//! A tenant that cannot be reached: how long to hold back, and when to give up.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Whether and until when rows are held back; while it lasts, one row at a time tries.
#[derive(Debug, Default)]
pub(super) struct Outage(Option<Held>);

#[derive(Debug)]
struct Held {
    since: Instant,
    wait: Duration,
    until: Instant,
}

impl Outage {
    /// A row met it; returns how long to hold back from now on, unless that is known already.
    pub(super) fn met(&mut self, now: Instant, asked: Option<Duration>) -> Option<Duration> {
        let (since, wait) = match &self.0 {
            // Those that were in flight when it began say nothing new.
            Some(held) if now < held.until => return None,
            Some(held) => (held.since, (held.wait * 2).min(LONGEST)),
            None => (now, FIRST),
        };
        let held_back = wait.max(asked.unwrap_or_default());
        let until = now + held_back;
        self.0 = Some(Held { since, wait, until });
        Some(held_back)
    }

    /// A row was answered.
    pub(super) const fn over(&mut self) {
        self.0 = None;
    }

    /// When the next row may try, while it lasts.
    pub(super) fn until(&self) -> Option<Instant> {
        self.0.as_ref().map(|held| held.until)
    }

    /// Whether it has lasted this long.
    pub(super) fn has_lasted(&self, now: Instant, patience: Duration) -> bool {
        self.0
            .as_ref()
            .is_some_and(|held| now.duration_since(held.since) >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_end_with_an_answer() {
        let start = Instant::now();
        let (mut outage, mut now) = (Outage::default(), start);
        assert_eq!(outage.until(), None);
        let mut waits = Vec::new();
        for _ in 0..9 {
            assert!(outage.met(now, None).is_some());
            // Others that were in flight.
            assert_eq!(outage.met(now, None), None);
            let until = outage.until().unwrap();
            waits.push((until - now).as_millis());
            now = until;
        }
        assert_eq!(
            waits,
            [
                500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
            ]
        );
        assert!(outage.has_lasted(now, Duration::from_secs(121)));
        assert!(!outage.has_lasted(now, Duration::from_secs(122)));
        outage.over();
        assert_eq!(outage.until(), None);
        outage.met(now, Some(Duration::from_secs(60)));
        assert_eq!(outage.until().unwrap() - now, Duration::from_secs(60));
    }
}
