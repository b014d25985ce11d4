//! A log with a cap: it keeps the last entries and counts those it forgot.

use std::collections::VecDeque;
use std::ops::Range;

/// The last entries, up to a cap, and how many came before them.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    entries: VecDeque<T>,
    cap: usize,
    dropped: u64,
}

impl<T> Ring<T> {
    pub(crate) const fn new(cap: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            cap,
            dropped: 0,
        }
    }

    /// Adds an entry, and gives its number.
    pub(crate) fn push(&mut self, entry: T) -> u64 {
        let seq = self.dropped + self.entries.len() as u64;
        self.entries.push_back(entry);
        if self.entries.len() > self.cap {
            self.entries.pop_front();
            self.dropped += 1;
        }
        seq
    }

    /// The entry with this number, unless it was dropped.
    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        let position = usize::try_from(seq.checked_sub(self.dropped)?).ok()?;
        self.entries.get_mut(position)
    }

    /// The entry with this number, unless it was dropped.
    pub(crate) fn get(&self, seq: u64) -> Option<&T> {
        let position = usize::try_from(seq.checked_sub(self.dropped)?).ok()?;
        self.entries.get(position)
    }

    /// The entry that came last.
    pub(crate) fn last(&self) -> Option<&T> {
        self.entries.back()
    }

    /// The numbers of the entries that are left.
    pub(crate) fn numbers(&self) -> Range<u64> {
        self.dropped..self.dropped + self.entries.len() as u64
    }

    /// How many entries were dropped.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The entries that are left, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (self.dropped..).zip(&self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn a_full_ring_drops_the_oldest_and_counts() {
        let mut ring = Ring::new(2);
        for expected in 0..5 {
            assert_eq!(ring.push(expected), expected);
        }
        assert_eq!(ring.iter().collect::<Vec<_>>(), [(3, &3), (4, &4)]);
        assert_eq!(ring.dropped(), 3);
        assert_eq!((ring.numbers(), ring.last()), (3..5, Some(&4)));
        assert_eq!((ring.get(2), ring.get(3)), (None, Some(&3)));
        assert!(ring.get_mut(2).is_none());
        assert_eq!(ring.get_mut(4).copied(), Some(4));
    }
}
