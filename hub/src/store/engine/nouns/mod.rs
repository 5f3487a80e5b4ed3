//! The nouns of the store. Each has two traits: the questions about it, and its changes.

mod access;
mod alerts;
mod devices;
mod explained;
mod ledger;
mod people;
mod together;
mod webhooks;

pub(in crate::store) use access::{Audit, JoinTerms};
pub(in crate::store) use access::{
    ChangeAudit, ChangeJoinTokens, ChangeTokens, JoinTokens, NewToken, SealedJoinToken, Tokens,
};
pub(in crate::store) use alerts::{
    Alerts, ChangeAlerts, ChangeLate, ChangeRules, ChangeSilences, Late, Rules, Silences,
};
pub(in crate::store) use devices::{
    ChangeClaims, ChangeDevices, ChangeHardware, ChangeSensors, Claims, Devices, Hardware, Numbers, Sensors,
};
pub(in crate::store) use explained::{ChangeExplained, Explained};
pub(in crate::store) use ledger::{ChangeLedger, Known, LedgerLines};
pub(in crate::store) use people::{
    Admins, ChangeSecondFactors, ChangeSessions, ChangeUsers, Holds, SecondFactors, Sessions, Users,
};
pub(in crate::store) use together::{ChangeTogether, Together};
pub(in crate::store) use webhooks::{
    ChangeOutbox, ChangeReached, ChangeWebhooks, Outbox, SealedParts, StoredWebhook, ToldOf, Webhooks,
};

pub use access::NewJoinToken;
pub use alerts::{AlertQuery, OfRule};
pub use devices::Swap;
pub use webhooks::DeliveryQuery;

/// What is asked about every noun.
pub(in crate::store) trait Nouns:
    Tokens
    + JoinTokens
    + Audit
    + Users
    + Sessions
    + SecondFactors
    + Devices
    + Sensors
    + Claims
    + Hardware
    + LedgerLines
    + Rules
    + Alerts
    + Explained
    + Silences
    + Late
    + Webhooks
    + Outbox
    + Together
{
}

/// How every noun is changed, in the open transaction.
pub(in crate::store) trait ChangeNouns:
    Nouns
    + ChangeTokens
    + ChangeJoinTokens
    + ChangeAudit
    + ChangeUsers
    + ChangeSessions
    + ChangeSecondFactors
    + ChangeDevices
    + ChangeSensors
    + ChangeClaims
    + ChangeHardware
    + ChangeLedger
    + ChangeRules
    + ChangeAlerts
    + ChangeExplained
    + ChangeSilences
    + ChangeLate
    + ChangeWebhooks
    + ChangeOutbox
    + ChangeTogether
    + ChangeReached
{
}
