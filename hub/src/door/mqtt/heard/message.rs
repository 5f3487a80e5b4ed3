//! A message as it came, read as JSON once at most. PURE.

use std::cell::OnceCell;

use serde_json::Value;

/// What a message says.
#[derive(Debug)]
pub(super) struct Body<'b> {
    bytes: &'b [u8],
    json: OnceCell<Option<Value>>,
}

impl<'b> Body<'b> {
    pub(super) const fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, json: OnceCell::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// As text, if it is one.
    pub(super) fn text(&self) -> Option<&'b str> {
        let text = std::str::from_utf8(self.bytes).ok()?.trim();
        // What a protocol of bytes happens to have in common with texts.
        (!text.contains('\0')).then_some(text)
    }

    /// As JSON, if it is that.
    pub(super) fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| serde_json::from_slice(self.bytes).ok()).as_ref()
    }

    /// As an object of JSON, if it is one.
    pub(super) fn object(&self) -> Option<&serde_json::Map<String, Value>> {
        // Most texts are no object, and need not be read to know it.
        if self.bytes.trim_ascii_start().first() != Some(&b'{') {
            return None;
        }
        self.json()?.as_object()
    }
}
