//! Draws a QR code as an SVG: black on white whatever the colours of the page, with the margin that scanners need.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::http::error::ApiError;

/// Modules around it (ISO/IEC 18004, 5.3.8).
const MARGIN: i32 = 4;

/// Draws a text.
///
/// # Errors
/// It is longer than any code holds.
pub(in crate::http) fn svg(text: &str) -> Result<String, ApiError> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(ApiError::internal)?;
    let side = code.size() + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\""
    );
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count() as i32;
            if run > 0 {
                let _ = write!(svg, "M{} {}h{run}v1h-{run}z", x + MARGIN, y + MARGIN);
            }
            x += run.max(1);
        }
    }
    svg += "\"/></svg>";
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_fits_and_each_dark_module_is_drawn_once() {
        let uri = crate::http::access::totp::uri(&[7; 20], "Telemetry hub", &"𝔘".repeat(64));
        let svg = svg(&uri).unwrap();
        let code = QrCode::encode_text(&uri, QrCodeEcc::Medium).unwrap();
        let all = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = all.filter(|(x, y)| code.get_module(*x, *y)).count();
        let drawn: usize =
            svg.split("v1h-").skip(1).map(|run| run.split('z').next().unwrap().parse::<usize>().unwrap()).sum();
        assert_eq!(drawn, dark);
    }
}
