//! Sentences for the reasons why datagrams were dropped, of which the metrics have only labels.

/// What a reason of `hub_udp_dropped_total` means, to follow a number; the label itself where it is a newer hub's.
pub(super) fn words(label: &str) -> &str {
    match label {
        "truncated" => "cut off",
        "trailing" => "with bytes too many",
        "unknown_type" => "of an unknown kind",
        "reserved" => "with reserved bits set",
        "version" => "of another version of the protocol",
        "not_authentic" => "not authentic (forged, or damaged on the way)",
        "replayed" => "that came a second time",
        "out_of_range" => "with a number out of its range",
        "not_finite" => "with a value that is not a number",
        "too_many" => "with more readings or sensors than allowed",
        "malformed" => "malformed",
        "unknown_session" => "of a connection the hub does not know (any more)",
        "foreign_handshake" => "meant for another hub",
        "handshake_replay" => "of a repeated handshake",
        "not_admitted" => "of devices that may not join (no valid token, blocked, or deleted)",
        "handshake_rate" => "of one sender with too many handshakes",
        "cookie_rate" => "of too many handshakes at once",
        "handshake_queue" => "of handshakes while too many waited",
        "device_rate" => "of a device that sends too many",
        "ingest_queue" => "because the disk is too slow",
        "unknown_sensor" => "of sensors the hub does not know yet",
        "not_adopted" => "of devices that wait for adoption",
        "window_full" => "of a device of which too many earlier ones are missing",
        "repeat" => "with readings that are stored already",
        "probe_rate" => "too many at once",
        "pending_full" => "because too many devices wait for adoption",
        "send_queue" => "because the network takes answers too slowly",
        "probe_off_link" => "from a network this machine is not in",
        "probe_port" => "from a port where services listen",
        "probe_version" => "of devices that speak another version of the protocol",
        "device_limit" => "of new devices while the hub is full",
        "series_limit" => "of new sensors while the hub is full",
        "overload" => "because the hub has too much to do",
        "identity_in_use" => "of a second device with the identity of another",
        "replaced" => "of hardware that was replaced",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use wire::DecodeError;

    use super::words;
    use crate::proto::counters::Drop;

    #[test]
    fn every_reason_has_words() {
        for label in DecodeError::REASONS.into_iter().chain(Drop::REASONS) {
            assert!(words(label) != label || label == "malformed", "{label}");
        }
    }
}
