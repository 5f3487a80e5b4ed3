//! Answers in protobuf. PURE.

use prost::Message as _;

use super::message::{PartialSuccess, Response, Status};

/// `ExportMetricsServiceResponse`: so many points are not stored, for this reason among others.
pub(crate) fn taken(left_out: Option<(usize, &str)>) -> Vec<u8> {
    let partial = |(points, why): (usize, &str)| PartialSuccess {
        rejected_data_points: i64::try_from(points).unwrap_or(i64::MAX),
        error_message: why.to_owned(),
    };
    Response { partial_success: left_out.map(partial) }.encode_to_vec()
}

/// `google.rpc.Status`.
pub(crate) fn refused(code: i32, why: &str) -> Vec<u8> {
    Status { code, message: why.to_owned() }.encode_to_vec()
}
