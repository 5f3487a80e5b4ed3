//! What `doctor` found, in the order in which it is printed: failures first, a cause before its consequences. PURE.

/// What something wrong is about; the first that fails is the cause of those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// The identity is in use twice.
    Identity,
    /// The state folder: without it no agent runs.
    State,
    /// The network of this machine: without it there is no way to any hub.
    Network,
    /// One of the ways to the hub.
    Way,
    Clock,
    /// The hub and whether it takes this device.
    Hub,
    Sensor,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    wrong: Vec<(About, String)>,
    rest: Vec<String>,
}

impl Findings {
    pub(super) fn good(&mut self, text: impl std::fmt::Display) {
        self.rest.push(format!("ok   {text}"));
    }

    /// Neither good nor bad: a way that is not there, and not needed.
    pub(super) fn none(&mut self, text: impl std::fmt::Display) {
        self.rest.push(format!("none {text}"));
    }

    pub(super) fn wrong(&mut self, about: About, text: impl std::fmt::Display) {
        self.wrong.push((about, text.to_string()));
    }

    /// How much is wrong.
    pub(super) fn problems(&self) -> usize {
        self.wrong.len()
    }

    /// Everything, the verdict on top: how much is wrong, the cause first, or that all is well, as far as was looked.
    pub(super) fn text(mut self, is_running: bool) -> String {
        self.wrong.sort_by_key(|(about, _)| *about);
        let verdict = match self.wrong.len() {
            0 if is_running => "No problems found.".to_owned(),
            0 => "No problems found; whether the hub accepts this device can only be seen while its agent runs."
                .to_owned(),
            1 => "1 problem found:".to_owned(),
            count => format!("{count} problems found, the cause of others first:"),
        };
        let wrong = self.wrong.into_iter().map(|(_, text)| format!("FAIL {text}"));
        std::iter::once(verdict).chain(wrong).chain(self.rest).map(|line| line + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_comes_first() {
        let mut findings = Findings::default();
        findings.good("identity");
        findings.wrong(About::Hub, "no session");
        findings.wrong(About::Network, "no network");
        assert_eq!(findings.problems(), 2);
        let verdict = "2 problems found, the cause of others first:";
        assert_eq!(findings.text(true), format!("{verdict}\nFAIL no network\nFAIL no session\nok   identity\n"));
        assert_eq!(Findings::default().text(true), "No problems found.\n");
        assert!(Findings::default().text(false).contains("only be seen while its agent runs"));
    }
}
