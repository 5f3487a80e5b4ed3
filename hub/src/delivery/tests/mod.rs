//! What tests of several files share.

pub(super) mod scene;
