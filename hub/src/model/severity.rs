//! How bad an alert is.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look tomorrow.
    Warning,
    /// Look now.
    Critical,
}
