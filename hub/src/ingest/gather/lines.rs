//! The line protocol's points as readings: which device and sensor a field is of. PURE.
//!
//! ```text
//!   cpu,host=web01,cpu=cpu0 usage_user=3.5      device web01     sensor cpu.usage_user{cpu=cpu0}
//!   mem,host=web01 used_percent=41              device web01     sensor mem.used_percent
//!   weather,side=north temperature=21.5         device weather   sensor temperature{side=north}
//! ```
//!
//! The device is the tag `host`, which Telegraf puts on everything; without it the tag `device`, and without that the
//! measurement. (`host` first: Telegraf's disks have a tag `device` as well.) The other tags belong to the sensor's name, in
//! order of their names, because each combination of them is a series of its own. True and false are 1 and 0; texts are no
//! readings and are passed over.
//!
//! A line with anything wrong in it is left out as a whole, as InfluxDB does it, and told with its number; the others are
//! gathered. Whether that is good enough, who sent them has said.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use super::arrivals::Arrivals;
use super::precision::Precision;
use super::{DeviceSlot, Gathered, Part, SensorSlot};
use crate::line::{Error, Fields, Line, Lines, Series, Value};
use crate::model::{UnixMillis, pushed, text};

/// Lines that are told of those that were left out. The others are only counted.
pub(crate) const TOLD: usize = 100;

/// What became of a text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    /// Lines with a point, good or not.
    pub lines: usize,
    /// Fields that are texts.
    pub passed_over: usize,
    /// Lines that are wrong.
    pub left_out: usize,
    /// Lines without a time that came faster than one a millisecond, for a second.
    pub too_fast: usize,
    /// What is wrong with the first [`TOLD`] of those.
    pub errors: Vec<Error>,
}

/// A series that was met in this text: its device, and its fields in the order they came.
struct Met<'a> {
    device: DeviceSlot,
    fields: Vec<(&'a str, SensorSlot)>,
}

/// Where a field of the line goes that is being read.
enum Place<'a> {
    Known(SensorSlot),
    /// Met for the first time: the field, and the name of its sensor.
    New(&'a str, String),
}

/// Gathers the good lines of a text; those without a time are of `now`.
pub(crate) fn gather(body: &[u8], precision: Precision, gathered: &mut Gathered, now: UnixMillis) -> Read {
    read(body, precision, gathered, now, None)
}

/// The same, where each line without a time has a moment of its own, the first of them `came`.
pub(crate) fn gather_coming(body: &[u8], gathered: &mut Gathered, came: UnixMillis, arrivals: &mut Arrivals) -> Read {
    read(body, Precision::AUTO, gathered, came, Some(arrivals))
}

fn read(
    body: &[u8],
    precision: Precision,
    gathered: &mut Gathered,
    now: UnixMillis,
    arrivals: Option<&mut Arrivals>,
) -> Read {
    let (body, no_texts) = readable(body);
    let mut read = Read { lines: no_texts.len(), left_out: no_texts.len(), ..Read::default() };
    let mut reader = Reader { precision, now, arrivals, too_fast: 0, met: HashMap::new(), row: Vec::new(), gathered };
    let mut lines = Lines::of(&body);
    while let Some(line) = lines.next() {
        read.lines += 1;
        let point = line.and_then(|line| reader.point(&line).inspect_err(|_| lines.leave(&line)));
        match point {
            Ok(texts) => read.passed_over += texts,
            Err(error) => {
                read.left_out += 1;
                if read.errors.len() < TOLD {
                    read.errors.push(error);
                }
            }
        }
    }
    read.too_fast = reader.too_fast;
    if !no_texts.is_empty() {
        read.errors.extend(no_texts.into_iter().take(TOLD));
        read.errors.sort_by_key(|error| error.line);
        read.errors.truncate(TOLD);
    }
    read
}

/// The text of bytes, with nothing in place of lines that are none, and what is wrong with those.
fn readable(body: &[u8]) -> (Cow<'_, str>, Vec<Error>) {
    if let Ok(text) = std::str::from_utf8(body) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let (mut text, mut errors) = (String::with_capacity(body.len()), Vec::new());
    for (line, bytes) in (1..).zip(body.split_inclusive(|byte| *byte == b'\n')) {
        match std::str::from_utf8(bytes) {
            Ok(good) => text.push_str(good),
            Err(error) => {
                text.push('\n');
                errors.push(Error { line, column: error.valid_up_to() + 1, what: "this is not UTF-8".to_owned() });
            }
        }
    }
    (Cow::Owned(text), errors)
}

/// Reads line after line.
struct Reader<'a, 'g> {
    precision: Precision,
    now: UnixMillis,
    /// Where lines without a time are not all of `now`.
    arrivals: Option<&'g mut Arrivals>,
    too_fast: usize,
    met: HashMap<&'a str, Met<'a>>,
    /// The readings of one line, until all of it is known to be good.
    row: Vec<(Place<'a>, f64)>,
    gathered: &'g mut Gathered,
}

impl<'a> Reader<'a, '_> {
    /// Gathers a line, or nothing of it; how many fields are texts.
    fn point(&mut self, line: &Line<'a>) -> Result<usize, Error> {
        let now = self.now;
        let at = line.timestamp.map_or(now, |timestamp| self.precision.millis(timestamp));
        pushed::moment(at, now).map_err(|what| {
            line.error_in_timestamp(
                line.timestamp.map_or_else(
                    || what.clone(),
                    |timestamp| format!("{what}; {}", self.precision.doubt(timestamp, now)),
                ),
            )
        })?;
        let texts = self.fields(line)?;
        let at = match self.arrivals.as_mut().filter(|_| line.timestamp.is_none()) {
            None => at,
            Some(arrivals) => match arrivals.give(line.key, now) {
                Some(at) => at,
                None => {
                    self.too_fast += 1;
                    return Ok(texts);
                }
            },
        };
        let met = match self.met.get_mut(line.key) {
            Some(met) => met,
            None => {
                let device = device(line)?;
                self.gathered.begin(Part::Line(line.number as u64));
                let device = self.gathered.device(&device);
                self.met.entry(line.key).or_insert(Met { device, fields: Vec::new() })
            }
        };
        for (place, value) in self.row.drain(..) {
            let slot = match place {
                Place::Known(slot) => slot,
                Place::New(field, sensor) => {
                    let slot = self.gathered.sensor(met.device, &sensor, None, None);
                    met.fields.push((field, slot));
                    slot
                }
            };
            self.gathered.push(slot, at, value);
        }
        Ok(texts)
    }

    /// Reads the fields of a line into `row`; how many are texts.
    fn fields(&mut self, line: &Line<'a>) -> Result<usize, Error> {
        self.row.clear();
        let known = self.met.get(line.key).map_or(&[][..], |met| &met.fields);
        // Made when a field is new, which most are once.
        let mut names = None;
        let mut texts = 0;
        for (index, field) in line.fields().enumerate() {
            let (name, value) = field.map_err(|(at, what)| line.error_in_fields(at, what))?;
            let value = match value {
                Value::Number(value) => value,
                Value::Switch(on) => f64::from(u8::from(on)),
                Value::Text(_) => {
                    texts += 1;
                    continue;
                }
            };
            // Fields come in the same order nearly always; where texts were passed over, a little later.
            let guess = known.get(index).filter(|(known, _)| *known == name);
            let place = match guess.or_else(|| known.iter().find(|(known, _)| *known == name)) {
                Some((_, slot)) => Place::Known(*slot),
                None => {
                    let names = match &mut names {
                        Some(names) => names,
                        None => names.insert(line.series()?),
                    };
                    let sensor = sensor(names, &Fields::name(name));
                    pushed::sensor(&sensor).map_err(|what| {
                        line.error(0, format!("`{sensor}`, made of measurement, field and tags: {what}"))
                    })?;
                    Place::New(name, sensor)
                }
            };
            self.row.push((place, value));
        }
        Ok(texts)
    }
}

fn device(line: &Line<'_>) -> Result<String, Error> {
    let series = line.series()?;
    let (name, what) = match device_tag(&series) {
        Some(tag) => (series.tag(tag).unwrap_or_default(), format!("the tag `{tag}`")),
        None => (&*series.measurement, "the measurement".to_owned()),
    };
    text::name("device", name.to_owned()).map_err(|_| {
        let rule = "must have 1 to 64 bytes, all of them visible characters";
        line.error(0, format!("{what} is the name of the device and {rule}"))
    })
}

/// The tag that names the device.
fn device_tag(series: &Series<'_>) -> Option<&'static str> {
    ["host", "device"].into_iter().find(|tag| series.tag(tag).is_some())
}

fn sensor(series: &Series<'_>, field: &str) -> String {
    let device = device_tag(series);
    // Telegraf and others call a field `value` where a measurement has one.
    let mut name = match device {
        None => field.to_owned(),
        Some(_) if field == "value" => series.measurement.to_string(),
        Some(_) => format!("{}.{field}", series.measurement),
    };
    let others = series.tags.iter().filter(|(tag, _)| device != Some(&**tag));
    for (index, (tag, value)) in others.enumerate() {
        // Writing to a text does not fail.
        let _ = write!(name, "{}{tag}={value}", if index == 0 { '{' } else { ',' });
    }
    if series.tags.len() > usize::from(device.is_some()) {
        name.push('}');
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::Origin;

    proptest! {
        #[test]
        fn whatever_stands_before_it_a_good_line_is_gathered(
            text in "(?s)([a-z,= \\\\0-9.#\n\r\t+-]|\\PC){0,120}",
        ) {
            // A quote that is never closed may take what follows it for a part of a text.
            let text = text.replace('"', "");
            let mut gathered = Gathered::new(Origin::Pushed);
            let read = gather(format!("{text}\nm,host=good f=1").as_bytes(), Precision::AUTO, &mut gathered, UnixMillis(1_790_000_000_000));
            prop_assert!(gathered.names().any(|(name, _)| name == "good"), "{read:?}");
            prop_assert!(read.left_out < read.lines && read.errors.len() == read.left_out.min(TOLD));
            prop_assert!(read.errors.is_sorted_by_key(|error| error.line));
        }
    }

    #[test]
    fn device_and_sensor_follow_from_measurement_field_and_tags() {
        let cases = [
            ("mem,host=web01 used_percent=41", "web01", "mem.used_percent"),
            ("cpu,host=web01,cpu=cpu0 usage_user=3", "web01", "cpu.usage_user{cpu=cpu0}"),
            ("disk,host=web01,path=/,device=sda1 free=3", "web01", "disk.free{device=sda1,path=/}"),
            ("disk,device=sda1,path=/,host=web01 free=3", "web01", "disk.free{device=sda1,path=/}"),
            ("climate,device=attic temperature=3", "attic", "climate.temperature"),
            ("temperature,device=attic value=3", "attic", "temperature"),
            ("weather,side=north temperature=3", "weather", "temperature{side=north}"),
            ("weather value=3", "weather", "value"),
        ];
        for (text, device_is, sensor_is) in cases {
            let line = Lines::of(text).next().unwrap().unwrap();
            let (field, _) = line.fields().next().unwrap().unwrap();
            assert_eq!((&*device(&line).unwrap(), &*sensor(&line.series().unwrap(), field)), (device_is, sensor_is));
        }
    }

    #[test]
    fn a_line_with_anything_wrong_is_left_out_whole_and_the_others_are_gathered() {
        let now = UnixMillis(1_790_000_000_000);
        let text = "m,host=a f=1\nm,host=a f=2,g=nan\nm,host=b g=nan\nm,host=a f=\"x\ny,h=1\nm,host=a f=3,s=\"t\"\n\
            m,host=a f=4 1790000400\nm\n# no line\nm,host=a f=5 1790000000";
        let mut gathered = Gathered::new(Origin::Pushed);
        let read = gather(text.as_bytes(), Precision::named("s").unwrap(), &mut gathered, now);
        assert_eq!((read.lines, read.left_out, read.passed_over, gathered.len()), (9, 6, 1, 3), "{read:?}");
        let numbers: Vec<_> = read.errors.iter().map(|error| error.line).collect();
        // The quote of line 4 would have swallowed line 5, and line 6 to its own quote.
        assert_eq!(numbers, [2, 3, 4, 5, 7, 8]);
        assert_eq!(gathered.names().map(|(name, _)| name.to_owned()).collect::<Vec<_>>(), ["a"], "b has no reading");
    }

    #[test]
    fn lines_between_two_stray_quotes_are_gathered() {
        let mut gathered = Gathered::new(Origin::Pushed);
        let text = "m f=\"x\nm f=5\nm f=\"y\nm f=6";
        let read = gather(text.as_bytes(), Precision::NANOS, &mut gathered, UnixMillis(1_790_000_000_000));
        assert_eq!((read.lines, read.left_out, gathered.len()), (4, 2, 2), "{read:?}");
        assert_eq!(read.errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_line_that_is_no_text_is_left_out_alone() {
        let mut gathered = Gathered::new(Origin::Pushed);
        let text = b"m f=1\nm,t=\xff f=2\nm g=x\nm g=3";
        let read = gather(text, Precision::NANOS, &mut gathered, UnixMillis(1_790_000_000_000));
        assert_eq!((read.lines, read.left_out, gathered.len()), (4, 2, 2), "{read:?}");
        assert_eq!(read.errors.iter().map(|error| (error.line, error.column)).collect::<Vec<_>>(), [(2, 5), (3, 5)]);
    }

    #[test]
    fn lines_without_a_time_take_each_other_s_place_only_where_they_are_one_request() {
        let now = UnixMillis(1_790_000_000_000);
        let (text, mut arrivals) = (b"m f=1\nm f=2\nm f=3 1790000000\nm f=4", Arrivals::default());
        let mut gathered = Gathered::new(Origin::Pushed);
        gather_coming(text, &mut gathered, now, &mut arrivals);
        gather_coming(text, &mut gathered, now, &mut arrivals);
        // The two that say the same moment, which is that of the first as well.
        assert_eq!((gathered.len(), gathered.keep_the_last(), gathered.len()), (8, 2, 6));
        let mut gathered = Gathered::new(Origin::Pushed);
        gather(text, Precision::AUTO, &mut gathered, now);
        assert_eq!((gathered.keep_the_last(), gathered.rows.last().map(|row| row.value)), (3, Some(4.0)));
    }

    #[test]
    fn of_very_many_wrong_lines_the_first_are_told_and_all_are_counted() {
        let mut gathered = Gathered::new(Origin::Pushed);
        let read =
            gather("m f=x\n".repeat(1_000).as_bytes(), Precision::NANOS, &mut gathered, UnixMillis(1_790_000_000_000));
        assert_eq!((read.lines, read.left_out, read.errors.len()), (1_000, 1_000, TOLD));
    }
}
