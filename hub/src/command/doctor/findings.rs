//! What `doctor` found, in the order in which it is printed.

use crate::command::out::print;

/// What was found so far: what fails is told first, in the order in which it was looked at, causes before consequences.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) failed: Vec<String>,
    pub(super) rest: Vec<String>,
}

impl Findings {
    pub(super) fn good(&mut self, text: impl std::fmt::Display) {
        self.rest.push(format!("ok   {text}"));
    }

    /// Neither good nor bad.
    pub(super) fn told(&mut self, text: impl std::fmt::Display) {
        self.rest.push(format!("     {text}"));
    }

    /// Something that will be wrong, though nothing fails.
    pub(super) fn doubtful(&mut self, text: impl std::fmt::Display) {
        self.rest.push(format!("warn {text}"));
    }

    pub(super) fn bad(&mut self, text: impl std::fmt::Display, fix: impl std::fmt::Display) {
        self.failed.push(format!("FAIL {text}; fix: {fix}"));
    }

    /// Everything, the verdict on top.
    pub(super) fn print(&self) {
        match self.failed.len() {
            0 => print("No problems found."),
            1 => print("1 problem found:"),
            count => print(format_args!("{count} problems found, the cause of others first:")),
        }
        self.failed.iter().chain(&self.rest).for_each(print);
    }
}
