//! Row numbers that identify rules, alerts, webhooks and deliveries.

/// Row number of a rule; its text form is `rul_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u64);

impl RuleId {
    /// What stands for a rule where an alert is about the hub itself.
    pub const HUB: Self = Self(0);
}

/// Row number of an alert; its text form is `alr_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub u64);

/// Row number of a webhook; its text form is `whk_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId(pub u64);

/// Row number of a delivery; its text form is `dlv_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub u64);
