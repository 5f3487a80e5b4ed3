//! How many devices are in a state, in words. PURE.

use super::{About, Told};
use crate::model::rule::{Condition, Op};
use crate::model::shown;

impl About<'_> {
    pub(super) fn so_many_devices(&self) -> Told {
        let rule = shown::name(&self.alert.rule_name);
        let number = self.alert.value.unwrap_or(self.alert.threshold);
        let since = self.moment(self.alert.started_at);
        let which = self.which(number);
        let (count, limit) = (devices(number), self.limit_of_devices());
        Told {
            title: format!("{rule}: {count}"),
            text: format!("{rule}: it is so of {count}{which} ({limit}), since {since}."),
        }
    }

    pub(super) fn fewer_devices(&self) -> Told {
        let rule = shown::name(&self.alert.rule_name);
        let lasted = self.lasted();
        let text = match self.alert.last {
            Some(number) => {
                let limit = self.limit_of_devices();
                format!("{rule}: it is so of {} now ({limit}). The alert is over, it lasted {lasted}.", devices(number))
            }
            None => format!("{rule}: the rule was changed or switched off. The alert is over, it lasted {lasted}."),
        };
        Told { title: format!("Resolved: {rule}"), text }
    }

    /// `: attic, barn, shed and 2 more`; nothing where none is known.
    fn which(&self, number: f64) -> String {
        let names: Vec<_> = self.alert.counted().map(shown::name).collect();
        shown::some_of(&names, number as usize).map(|some| format!(", {some},")).unwrap_or_default()
    }

    fn limit_of_devices(&self) -> String {
        let limit = devices(self.alert.threshold);
        match self.condition {
            Some(Condition::Count { op: Op::Below | Op::AtMost, .. }) => format!("the rule looks for at most {limit}"),
            _ => format!("the rule looks for at least {limit}"),
        }
    }
}

fn devices(number: f64) -> String {
    let many = if number == 1.0 { "" } else { "s" };
    format!("{} device{many}", shown::digits(number))
}
