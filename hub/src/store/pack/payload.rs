//! PURE. The payload of a batch: readings as their device encoded them.

use crate::model::{Epoch, numbering};

/// Decodes a payload; `false` when it is damaged, which is said once a row and never stops a query.
pub(in crate::store) fn decode(row: i64, epoch: Epoch, payload: &[u8], rows: &mut wire::batch::Rows) -> bool {
    rows.clear();
    let decoded = wire::batch::decode(payload, rows);
    if numbering::is_own(epoch) {
        rows.sensor.iter_mut().for_each(|sensor| *sensor = numbering::number(epoch, *sensor));
    }
    if let Err(error) = decoded {
        tracing::warn!(row, %error, "journal row {row} is damaged and skipped: {error}");
    }
    decoded.is_ok()
}
