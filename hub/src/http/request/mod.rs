//! What every request is read by and every answer written with: query strings, bodies, paths, pages, texts. Knows no resource.

pub(super) mod answers;
pub(super) mod body;
pub(super) mod number;
pub(super) mod page;
pub(super) mod params;
pub(super) mod path;
pub(super) mod pieces;
pub(super) mod select;
pub(super) mod text;
pub(super) mod time;
pub(super) mod weekly;
