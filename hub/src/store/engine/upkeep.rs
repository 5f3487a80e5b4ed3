//! Upkeep of a database: its room, its copies, its checks. Room is counted in pages of 8 KiB.

use std::path::PathBuf;

use crate::model::room::Room;
use crate::store::error::Result;

/// What the disk says of the database. Asked by the maker at each of its looks, so that nobody who only wants to know waits for a
/// disk that hangs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::store) struct Seen {
    /// Room on its disk, where the system says.
    pub(in crate::store) room: Option<Room>,
    /// Bytes of the database, and of its log.
    pub(in crate::store) file: u64,
    pub(in crate::store) log: u64,
    /// Damaged databases beside it that wait to be salvaged, oldest first.
    pub(in crate::store) set_aside: Vec<PathBuf>,
}

/// What changes when somebody joins or makes something, or changes a rule, a webhook, a user or hardware, or sensor numbers stand for
/// others: those of then and of now must not be mixed. What else is changed (a name, a label) is in the copy of the next day.
pub(in crate::store) type CatalogState = [i64; 10];

/// What is asked to look after the database.
pub(in crate::store) trait Upkeep {
    /// Pages that hold something.
    fn used_pages(&self) -> Result<i64>;
    /// Free pages beyond those kept for reuse.
    fn spare_pages(&self) -> Result<i64>;
    /// Tells whether a copy of who is who is still what there is.
    fn catalog_state(&self) -> Result<CatalogState>;
    /// Copies who is who (devices, sensors, rules, people) beside the database, for the day when it is damaged.
    fn copy_catalog(&self) -> Result<()>;
    /// Names of what is checked one by one.
    fn parts(&self) -> Result<Vec<String>>;
    /// Checks how the pages of a part hang together; what is wrong, if anything is.
    fn check_part(&self, part: &str) -> Result<Option<String>>;
}

/// What is done to look after it, in the open transaction.
pub(in crate::store) trait ChangeUpkeep: Upkeep {
    /// Gives up to so many free pages back to the disk, also the spare ones; `false` when there are none left.
    fn give_back(&self, pages: i64) -> Result<bool>;
}
