//! The steps of a while, oldest first: a copy shares those that are over, so that it costs the same however many there are. PURE.
//!
//! A group of readings is decided about on a copy of each memory that it changes (see `track`). It changes the newest step; another one
//! begins, or the oldest goes, only now and then.

use std::collections::VecDeque;
use std::sync::Arc;

/// Room that is made at once.
const ROOM: usize = 8;

/// Steps, or marks.
#[derive(Debug, Clone)]
pub(super) struct Strip<T> {
    older: Arc<VecDeque<T>>,
    newest: Option<T>,
}

impl<T> Default for Strip<T> {
    fn default() -> Self {
        Self { older: Arc::default(), newest: None }
    }
}

impl<T: Copy> Strip<T> {
    pub(super) fn front(&self) -> Option<&T> {
        self.older.front().or(self.newest.as_ref())
    }

    pub(super) fn second(&self) -> Option<&T> {
        let newest = self.newest.as_ref().filter(|_| self.older.len() == 1);
        self.older.get(1).or(newest)
    }

    pub(super) const fn back(&self) -> Option<&T> {
        self.newest.as_ref()
    }

    pub(super) const fn back_mut(&mut self) -> Option<&mut T> {
        self.newest.as_mut()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.older.len() + usize::from(self.newest.is_some())
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.older.iter().chain(&self.newest)
    }

    pub(super) fn push(&mut self, step: T) {
        if let Some(over) = self.newest.replace(step) {
            self.older_mut(0).push_back(over);
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        match self.older.front() {
            None => self.newest.take(),
            Some(&front) => {
                match Arc::get_mut(&mut self.older) {
                    Some(older) => drop(older.pop_front()),
                    None => drop(self.older_mut(1)),
                }
                Some(front)
            }
        }
    }

    pub(super) fn pop_back(&mut self) -> Option<T> {
        let newest = self.newest.take()?;
        if !self.older.is_empty() {
            self.newest = self.older_mut(0).pop_back();
        }
        Some(newest)
    }

    /// Those that are over but the first few, to be changed, with room for one more.
    fn older_mut(&mut self, without: usize) -> &mut VecDeque<T> {
        let has_room = self.older.len() < self.older.capacity();
        if without > 0 || !has_room || Arc::get_mut(&mut self.older).is_none() {
            let mut own = VecDeque::with_capacity((self.older.len() + 1).next_multiple_of(ROOM));
            own.extend(self.older.iter().skip(without));
            self.older = Arc::new(own);
        }
        Arc::make_mut(&mut self.older)
    }

    /// What it takes in memory besides itself.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of::<VecDeque<T>>() + self.older.capacity() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue_and_its_copies_stay_as_they_were(does in prop::collection::vec(0..8_u8, 0..200)) {
            let (mut strip, mut queue) = (Strip::default(), VecDeque::new());
            let mut copies = Vec::new();
            for (n, does) in does.into_iter().enumerate() {
                match does {
                    0 => prop_assert_eq!(strip.pop_back(), queue.pop_back()),
                    1 | 2 => prop_assert_eq!(strip.pop_front(), queue.pop_front()),
                    3 => copies.push((strip.clone(), queue.clone())),
                    4 => copies.clear(),
                    _ => {
                        strip.push(n);
                        queue.push_back(n);
                    }
                }
                for (strip, queue) in copies.iter().chain([&(strip.clone(), queue.clone())]) {
                    prop_assert_eq!(strip.iter().copied().collect::<VecDeque<_>>(), queue.clone());
                    prop_assert_eq!((strip.front(), strip.second(), strip.back()), (queue.front(), queue.get(1), queue.back()));
                    prop_assert_eq!((strip.len(), strip.is_empty()), (queue.len(), queue.is_empty()));
                }
            }
        }
    }
}
