//! The order an object's keys came in, so that it can be written again as it was read.

use std::fmt;
use std::str::FromStr;

use serde_core::ser::{SerializeMap, Serializer};

use crate::decode::Node;
use crate::decode_error::Problem;
use crate::{DecodeError, Extra};

/// The keys of one object: known ones, whose values its owner holds typed, and all others with their values.
#[derive(Clone)]
pub(crate) struct Layout<K> {
    /// `None` stands for the next one of `other`.
    order: Vec<Option<K>>,
    other: Extra,
}

impl<K> Default for Layout<K> {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            other: Extra::default(),
        }
    }
}

impl<K: Copy + PartialEq + FromStr + Into<&'static str>> Layout<K> {
    /// Reads an object, handing each known key that has a value to `known`, which is called at most once for each.
    pub(crate) fn read(
        node: Node<'_>,
        mut known: impl FnMut(K, Node<'_>) -> Result<(), DecodeError>,
    ) -> Result<Self, DecodeError> {
        let mut layout = Self::default();
        node.object()?.each(|name, value| {
            let key = name.parse().ok();
            if key.is_some() && (layout.order.contains(&key) || layout.other.get(name).is_some()) {
                return Err(value.problem(Problem::Repeated));
            }
            match key.filter(|_| !value.is_null()) {
                Some(key) => known(key, value)?,
                None => layout.other.push(name, value.keep()),
            }
            layout.order.push(key.filter(|_| !value.is_null()));
            Ok(())
        })?;
        Ok(layout)
    }

    /// Writes the object, handing each known key and its name to `known`, which writes its entry or leaves it out.
    pub(crate) fn write<S: Serializer>(
        &self,
        serializer: S,
        known: impl Fn(&mut S::SerializeMap, K, &'static str) -> Result<(), S::Error>,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut others = self.other.iter();
        for slot in &self.order {
            if let Some(key) = *slot {
                known(&mut map, key, key.into())?;
            } else if let Some((name, value)) = others.next() {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }

    pub(crate) const fn other(&self) -> &Extra {
        &self.other
    }
}

impl<K> fmt::Debug for Layout<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.other.fmt(f)
    }
}
