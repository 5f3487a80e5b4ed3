//! The fields of a protobuf message, one after the other and without a copy. PURE.
//!
//! A request of some megabytes may hold millions of messages that are empty, each of which would be a hundred bytes in memory. So
//! messages that contain others are walked through, and only the innermost are decoded (by `prost`), one at a time, none larger
//! than [`INNERMOST`].

use prost::Message;

/// Largest message that is decoded at once, in bytes: a histogram of a thousand buckets is far below.
pub(crate) const INNERMOST: usize = 64 << 10;

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not the protobuf message that it should be: {0}")]
pub(crate) struct Broken(pub String);

impl Broken {
    fn of(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A whole number.
    Varint(u64),
    /// Four or eight bytes.
    Fixed(u64),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message that are left.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Those of a whole message.
    pub(crate) const fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        varint(&mut self.0)
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or_else(|| Broken::of("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed(&mut self, bytes: usize) -> Result<u64, Broken> {
        let little = self.take(bytes)?;
        Ok(little.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), Broken> {
        let key = self.varint()?;
        let tag = u32::try_from(key >> 3).map_err(|_| Broken::of("a field has no number"))?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed(self.fixed(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed(self.fixed(4)?),
            kind => return Err(Broken(format!("field {tag} is of wire type {kind}, which is not used here"))),
        };
        Ok((tag, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        // Behind what is broken nothing is known.
        Some(self.field().inspect_err(|_| self.0 = &[]))
    }
}

/// Takes a whole number from the beginning of some bytes.
pub(crate) fn varint(bytes: &mut &[u8]) -> Result<u64, Broken> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or_else(|| Broken::of("it ends too early"))?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Broken::of("a number does not end"))
}

/// The messages, texts or bytes of one field, in order.
pub(crate) fn all(message: &[u8], tag: u32) -> impl Iterator<Item = Result<&[u8], Broken>> {
    Fields::of(message).filter_map(move |field| match field {
        Ok((of, Value::Bytes(bytes))) => (of == tag).then_some(Ok(bytes)),
        Ok(_) => None,
        Err(broken) => Some(Err(broken)),
    })
}

/// The last one, which counts where there may be only one; nothing where there is none.
pub(crate) fn last(message: &[u8], tag: u32) -> Result<&[u8], Broken> {
    all(message, tag).try_fold(&[][..], |_, bytes| bytes)
}

/// A field that is a text.
pub(crate) fn text(message: &[u8], tag: u32) -> Result<&str, Broken> {
    std::str::from_utf8(last(message, tag)?).map_err(|_| Broken(format!("the text of field {tag} is not UTF-8")))
}

/// A field that is a whole number; zero where it is left out, as it is then not written.
pub(crate) fn number(message: &[u8], tag: u32) -> Result<u64, Broken> {
    let mut number = 0;
    for field in Fields::of(message) {
        if let (of, Value::Varint(value)) = field?
            && of == tag
        {
            number = value;
        }
    }
    Ok(number)
}

/// Decodes one of the innermost messages.
pub(crate) fn decode<M: Message + Default>(message: &[u8]) -> Result<M, Broken> {
    if message.len() > INNERMOST {
        return Err(Broken(format!("one part of it has {} bytes, and may have {INNERMOST}", message.len())));
    }
    M::decode(message).map_err(|error| Broken(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_read_in_order_and_what_is_broken_ends_them() {
        let message = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let fields: Vec<_> = Fields::of(&message).map(Result::unwrap).collect();
        let expected = [(1, Value::Varint(150)), (2, Value::Bytes(b"hi")), (3, Value::Fixed(1)), (4, Value::Fixed(2))];
        assert_eq!(fields, expected);
        assert_eq!((text(&message, 2), number(&message, 1), number(&message, 9)), (Ok("hi"), Ok(150), Ok(0)));
        for end in [1, 4, 5, 8, 20] {
            let read: Vec<_> = Fields::of(&message[..end]).collect();
            assert!(read.last().is_some_and(Result::is_err) && last(&message[..end], 2).is_err(), "{end}");
        }
        // Groups have not been in use for ten years.
        assert!(Fields::of(&[0x0b, 0x0c]).next().unwrap().is_err());
        assert!(Fields::of(&[0xff; 11]).next().unwrap().is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_fields_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let fields: Vec<_> = Fields::of(&bytes).collect();
            prop_assert!(fields.len() <= bytes.len());
            prop_assert!(fields.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}
