//! The parts of the hub that the handlers of webhooks use.

use crate::clock::Clock;
use crate::delivery::policy::Policy;
use crate::http::state::RulesChanged;
use crate::store::Store;

/// Those who are told by webhooks, and where such a webhook may lead.
#[derive(Clone)]
pub(in crate::http) struct Recipients {
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    /// Where messages may go at all.
    pub(in crate::http) policy: Policy,
    /// Rules name the webhooks that they tell.
    pub(in crate::http) rules_changed: RulesChanged,
}
