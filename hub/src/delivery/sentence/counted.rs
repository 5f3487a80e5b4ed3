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
        let more = number as usize - names.len().min(number as usize);
        match (&*names, more) {
            ([], _) => String::new(),
            ([one], 0) => format!(", {one},"),
            ([first @ .., last], 0) => format!(", {} and {last},", first.join(", ")),
            (names, more) => format!(", {} and {more} more,", names.join(", ")),
        }
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
