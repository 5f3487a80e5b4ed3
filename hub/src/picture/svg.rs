//! A picture as text, in the format SVG. PURE.

use std::fmt::Write as _;

use super::scene::{Anchor, Colour, HEIGHT, Shape, Spot, WIDTH};

/// The picture; `title` is for those who do not see it.
pub(super) fn text(shapes: &[Shape], title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" font-family=\"DejaVu Sans, Verdana, sans-serif\"><title>{}</title>",
        escaped(title)
    );
    for shape in shapes {
        // Writing to a text never fails.
        let _ = match shape {
            Shape::Area { around, colour } => {
                write!(svg, "<polygon points=\"{}\" fill=\"{}\"/>", spots(around), hex(*colour))
            }
            Shape::Line { through, width, dash, colour } => {
                let dash = dash.map(|(on, off)| format!(" stroke-dasharray=\"{on} {off}\"")).unwrap_or_default();
                write!(
                    svg,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}/>",
                    spots(through),
                    hex(*colour)
                )
            }
            Shape::Text { at, size, anchor, colour, text, .. } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                write!(
                    svg,
                    "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{}\">{}</text>",
                    at.0,
                    at.1,
                    hex(*colour),
                    escaped(text)
                )
            }
        };
    }
    svg + "</svg>"
}

fn spots(spots: &[Spot]) -> String {
    spots.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn hex(Colour(red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
