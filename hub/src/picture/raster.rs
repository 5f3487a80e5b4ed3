//! A picture as points, in the format PNG. PURE.
//!
//! Everything is an area: a line is one of four corners for each of its pieces, and a letter what its outline goes around. How much of
//! each point an area covers is computed by the crate that does it for letters.

use std::io::Write as _;
use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, GlyphId, Point, PxScale, ScaleFont as _, point};
use ab_glyph_rasterizer::{Point as Corner, Rasterizer};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::scene::{Anchor, Colour, HEIGHT, Shape, Spot, WIDTH};

const COLUMNS: usize = WIDTH as usize;
const ROWS: usize = HEIGHT as usize;

/// A part of `DejaVu` Sans; `dejavu_sans.txt` beside it says which, and under which terms.
static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("dejavu_sans.ttf")).ok());

/// The picture as a file.
pub(super) fn png(shapes: &[Shape]) -> Vec<u8> {
    let mut canvas = Canvas::new();
    for shape in shapes {
        match shape {
            Shape::Area { around, colour } => canvas.fill(std::slice::from_ref(around), *colour),
            Shape::Line { through, width, dash, colour } => {
                let pieces = dash.map_or_else(|| pieces(through), |dash| dashes(through, dash));
                canvas.fill(&stroked(&pieces, *width), *colour);
            }
            Shape::Text { at, size, anchor, room, colour, text } => {
                canvas.write(text, *at, *size, *anchor, *room, *colour)
            }
        }
    }
    canvas.file()
}

/// Points of three colours, row by row.
struct Canvas(Vec<[u8; 3]>);

impl Canvas {
    fn new() -> Self {
        Self(vec![[0xff; 3]; COLUMNS * ROWS])
    }

    /// Fills areas, taken together.
    fn fill(&mut self, areas: &[Vec<Spot>], colour: Colour) {
        let spots = || areas.iter().flatten();
        let left = spots().map(|spot| spot.0).fold(f32::INFINITY, f32::min).floor().max(0.0);
        let top = spots().map(|spot| spot.1).fold(f32::INFINITY, f32::min).floor().max(0.0);
        let right = spots().map(|spot| spot.0).fold(0.0, f32::max).ceil().min(WIDTH);
        let bottom = spots().map(|spot| spot.1).fold(0.0, f32::max).ceil().min(HEIGHT);
        if right <= left || bottom <= top {
            return;
        }
        let (columns, rows) = ((right - left) as usize, (bottom - top) as usize);
        let mut raster = Rasterizer::new(columns, rows);
        let corner = |(x, y): Spot| Corner { x: x.clamp(left, right) - left, y: y.clamp(top, bottom) - top };
        for area in areas {
            // All go around in one direction: where they overlap they do not cancel each other out.
            let mut around: Vec<Spot> = area.clone();
            if turn(&around) < 0.0 {
                around.reverse();
            }
            for (one, next) in around.iter().zip(around.iter().cycle().skip(1)) {
                raster.draw_line(corner(*one), corner(*next));
            }
        }
        raster.for_each_pixel_2d(|x, y, cover| {
            self.blend(x as usize + left as usize, y as usize + top as usize, cover, colour)
        });
    }

    fn blend(&mut self, x: usize, y: usize, cover: f32, Colour(red, green, blue): Colour) {
        if x >= COLUMNS {
            return;
        }
        let Some(under) = self.0.get_mut(y * COLUMNS + x) else { return };
        let cover = cover.clamp(0.0, 1.0);
        for (part, over) in under.iter_mut().zip([red, green, blue]) {
            *part = (f32::from(*part) * (1.0 - cover) + f32::from(over) * cover).round() as u8;
        }
    }

    fn write(&mut self, text: &str, at: Spot, size: f32, anchor: Anchor, room: f32, colour: Colour) {
        let Some(font) = &*FONT else { return };
        // A font's size on a page is that of its letters; here it is asked for with the room above and below them.
        let scaled =
            font.as_scaled(PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(1_000.0)));
        let advance = |glyph: &GlyphId| scaled.h_advance(*glyph);
        let glyphs: Vec<GlyphId> = text.chars().map(|symbol| font.glyph_id(symbol)).collect();
        let mut shown = glyphs.as_slice();
        let dots = [font.glyph_id('…')];
        let mut end: &[GlyphId] = &[];
        if glyphs.iter().map(advance).sum::<f32>() > room {
            end = &dots;
            let left = room - advance(&dots[0]);
            while shown.iter().map(advance).sum::<f32>() > left && !shown.is_empty() {
                shown = &shown[..shown.len() - 1];
            }
        }
        let width: f32 = shown.iter().chain(end).map(advance).sum();
        let mut x = at.0
            - match anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => width / 2.0,
                Anchor::End => width,
            };
        for glyph in shown.iter().chain(end) {
            let placed = glyph.with_scale_and_position(scaled.scale(), point(x, at.1));
            if let Some(outline) = font.outline_glyph(placed) {
                let Point { x: left, y: top } = outline.px_bounds().min;
                outline.draw(|column, row, cover| {
                    let (column, row) = (left as i32 + column as i32, top as i32 + row as i32);
                    if let (Ok(column), Ok(row)) = (usize::try_from(column), usize::try_from(row)) {
                        self.blend(column, row, cover, colour);
                    }
                });
            }
            x += advance(glyph);
        }
    }

    /// As a file: each row as its difference to the one above, which is nothing for most of them.
    fn file(&self) -> Vec<u8> {
        let mut rows = Vec::with_capacity(ROWS * (1 + 3 * COLUMNS));
        let mut above = vec![0_u8; 3 * COLUMNS];
        for row in self.0.chunks(COLUMNS) {
            let row = row.as_flattened();
            rows.push(2);
            rows.extend(row.iter().zip(&above).map(|(one, above)| one.wrapping_sub(*above)));
            above.copy_from_slice(row);
        }
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        // Writing into memory never fails.
        let _ = packer.write_all(&rows);
        let packed = packer.finish().unwrap_or_default();
        let size = |of: usize| (of as u32).to_be_bytes();
        // Eight bits of red, green and blue.
        let head = [&size(COLUMNS)[..], &size(ROWS), &[8, 2, 0, 0, 0]].concat();
        let chunk = |name: &[u8; 4], data: &[u8]| {
            let named = [&name[..], data].concat();
            let mut sum = Crc::new();
            sum.update(&named);
            [&size(data.len())[..], &named, &sum.sum().to_be_bytes()].concat()
        };
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head), chunk(b"IDAT", &packed), chunk(b"IEND", &[])].concat()
    }
}

/// Twice the area that spots go around: below nothing where they go the other way.
fn turn(around: &[Spot]) -> f32 {
    around.iter().zip(around.iter().cycle().skip(1)).map(|(one, next)| one.0 * next.1 - next.0 * one.1).sum()
}

fn pieces(through: &[Spot]) -> Vec<(Spot, Spot)> {
    through.windows(2).map(|two| (two[0], two[1])).collect()
}

/// The pieces of a line that are drawn of one in dashes.
fn dashes(through: &[Spot], (on, off): (f32, f32)) -> Vec<(Spot, Spot)> {
    let mut found = Vec::new();
    for (from, to) in pieces(through) {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let at = |far: f32| (from.0 + (to.0 - from.0) * far / length, from.1 + (to.1 - from.1) * far / length);
        let mut far = 0.0;
        while far < length {
            found.push((at(far), at((far + on).min(length))));
            far += on + off;
        }
    }
    found
}

/// What pieces of a line of such a width cover: each four corners, and where they meet a disc.
fn stroked(pieces: &[(Spot, Spot)], width: f32) -> Vec<Vec<Spot>> {
    let half = width / 2.0;
    let mut areas = Vec::new();
    for (n, (from, to)) in pieces.iter().enumerate() {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length > 0.0 {
            let (x, y) = (-dy / length * half, dx / length * half);
            areas.push(vec![
                (from.0 + x, from.1 + y),
                (from.0 - x, from.1 - y),
                (to.0 - x, to.1 - y),
                (to.0 + x, to.1 + y),
            ]);
        }
        let meets = pieces.get(n + 1).is_some_and(|next| next.0 == *to);
        if meets && width > 1.5 {
            let spot = |part: u8| {
                let angle = f32::from(part) * std::f32::consts::FRAC_PI_4;
                (to.0 + half * angle.cos(), to.1 + half * angle.sin())
            };
            areas.push((0..8).map(spot).collect());
        }
    }
    areas
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn colours(file: &[u8]) -> Vec<[u8; 3]> {
        assert_eq!(&file[..16], b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
        assert_eq!(&file[16..29], [0, 0, 3, 32, 0, 0, 1, 144, 8, 2, 0, 0, 0], "800 by 400, three colours of 8 bits");
        let length = u32::from_be_bytes(file[33..37].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&file[41..41 + length]).read_to_end(&mut rows).unwrap();
        let mut above = vec![0_u8; 3 * COLUMNS];
        let mut all = Vec::new();
        for row in rows.chunks(1 + 3 * COLUMNS) {
            assert_eq!(row[0], 2);
            above = row[1..].iter().zip(&above).map(|(one, above)| one.wrapping_add(*above)).collect();
            all.extend(above.chunks(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]));
        }
        assert_eq!(all.len(), COLUMNS * ROWS);
        all
    }

    #[test]
    fn areas_lines_and_letters_are_where_they_are_said_to_be() {
        let (red, blue, ink) = (Colour(255, 0, 0), Colour(0, 0, 255), Colour(0, 0, 0));
        let square = vec![(10.0, 10.0), (10.0, 30.0), (30.0, 30.0), (30.0, 10.0)];
        let shapes = [
            Shape::Area { around: square, colour: red },
            Shape::Line {
                through: vec![(50.0, 50.0), (100.0, 50.0), (100.0, 90.0)],
                width: 4.0,
                dash: None,
                colour: blue,
            },
            Shape::Line {
                through: vec![(0.0, 200.0), (800.0, 200.0)],
                width: 2.0,
                dash: Some((10.0, 10.0)),
                colour: blue,
            },
            Shape::Text {
                at: (300.0, 100.0),
                size: 20.0,
                anchor: Anchor::Start,
                room: 100.0,
                colour: ink,
                text: "Wärme €\u{4e00}".to_owned(),
            },
        ];
        let all = colours(&png(&shapes));
        let at = |x: usize, y: usize| all[y * COLUMNS + x];
        assert_eq!((at(20, 20), at(9, 20), at(31, 20)), ([255, 0, 0], [255; 3], [255; 3]));
        assert_eq!(
            (at(75, 49), at(75, 52), at(99, 70), at(100, 51)),
            ([0, 0, 255], [255; 3], [0, 0, 255], [0, 0, 255])
        );
        assert_eq!((at(5, 200), at(15, 200)), ([0, 0, 255], [255; 3]));
        let dark = |from: usize, to: usize| {
            (80..110).flat_map(|y| (from..to).map(move |x| (x, y))).filter(|(x, y)| at(*x, *y)[0] < 128).count()
        };
        assert!(dark(300, 400) > 100, "no letters: {}", dark(300, 400));
        assert_eq!(dark(402, 800), 0, "a text that is too long is cut");
    }

    #[test]
    fn what_lies_outside_is_not_drawn_and_nothing_breaks() {
        let far = vec![(-1e9, -1e9), (1e9, 1e9), (f32::NAN, 3.0)];
        let shapes = [
            Shape::Line { through: far.clone(), width: 2.0, dash: None, colour: Colour(0, 0, 0) },
            Shape::Area { around: far, colour: Colour(0, 0, 0) },
            Shape::Area { around: Vec::new(), colour: Colour(0, 0, 0) },
            Shape::Text {
                at: (790.0, 399.0),
                size: 90.0,
                anchor: Anchor::Start,
                room: 1e9,
                colour: Colour(0, 0, 0),
                text: "W".repeat(3),
            },
        ];
        assert_eq!(colours(&png(&shapes)).len(), COLUMNS * ROWS);
    }
}
