//! x
use lexopt::Parser;
use super::Failure;
pub(super) fn command(_parser: Parser) -> Result<(), Failure> { Ok(()) }
