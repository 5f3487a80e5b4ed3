//! A time of the week that comes again: on some days, from one time of the day to another, in a time zone.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::UnixMillis;

/// Days of a week, Monday first.
const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "mon"),
    (Weekday::Tuesday, "tue"),
    (Weekday::Wednesday, "wed"),
    (Weekday::Thursday, "thu"),
    (Weekday::Friday, "fri"),
    (Weekday::Saturday, "sat"),
    (Weekday::Sunday, "sun"),
];

/// Some hours on some days of each week. Hours that end no later than they begin end on the next day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weekly {
    /// The days on which they begin: bit 0 is Monday.
    pub days: u8,
    /// Minutes after midnight, below 1,440.
    pub from: u16,
    /// Minutes after midnight, below 1,440; of the next day where that is not later than `from`.
    pub until: u16,
    /// Name of the time zone, such as `Europe/Berlin`.
    pub zone: String,
}

impl Weekly {
    /// The hours that `now` lies in, from their begin to their end; `None` outside.
    #[must_use]
    pub fn around(&self, now: UnixMillis, zone: &TimeZone) -> Option<(UnixMillis, UnixMillis)> {
        let today = jiff::Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone.clone()).date();
        // Those that began yesterday may go on.
        let begins = [today, today.yesterday().ok()?];
        begins.into_iter().filter_map(|day| self.of(day, zone)).find(|(from, until)| *from <= now && now < *until)
    }

    /// Those hours that began last, at `now` or before; those of now where they last.
    #[must_use]
    pub fn latest(&self, now: UnixMillis, zone: &TimeZone) -> Option<(UnixMillis, UnixMillis)> {
        let mut day = jiff::Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone.clone()).date();
        // A time of today may be still to come: that of a week ago is not.
        for _ in 0..8 {
            if let Some(hours) = self.of(day, zone).filter(|(from, _)| *from <= now) {
                return Some(hours);
            }
            day = day.yesterday().ok()?;
        }
        None
    }

    /// The hours that begin on a day, if any do.
    fn of(&self, day: Date, zone: &TimeZone) -> Option<(UnixMillis, UnixMillis)> {
        if !self.has(day.weekday()) {
            return None;
        }
        let last = if self.until > self.from { day } else { day.tomorrow().ok()? };
        Some((moment(day, self.from, zone)?, moment(last, self.until, zone)?))
    }

    fn has(&self, day: Weekday) -> bool {
        self.days & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Names of the days, Monday first.
    pub fn day_names(&self) -> impl Iterator<Item = &'static str> {
        DAYS.into_iter().filter(|(day, _)| self.has(*day)).map(|(_, name)| name)
    }

    /// The bit of a day of this name.
    #[must_use]
    pub fn day(name: &str) -> Option<u8> {
        let place = DAYS.iter().position(|(_, day)| *day == name)?;
        Some(1 << place)
    }

    /// A time of the day as it is written: `07:30`.
    #[must_use]
    pub fn time_text(minutes: u16) -> String {
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// Minutes after midnight of a time written so.
    #[must_use]
    pub fn time(text: &str) -> Option<u16> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |text: &str, most: u16| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|number| is_number && *number <= most)
        };
        Some(number(hours, 23)? * 60 + number(minutes, 59)?)
    }
}

/// A time that is skipped when clocks are put forward is as much later; of two that are alike, the first.
fn moment(day: Date, minutes: u16, zone: &TimeZone) -> Option<UnixMillis> {
    let time = Time::new(i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?, 0, 0).ok()?;
    let zoned = day.to_datetime(time).to_zoned(zone.clone()).ok()?;
    Some(UnixMillis(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn weekly(days: &[&str], from: &str, until: &str) -> Weekly {
        let days = days.iter().map(|day| Weekly::day(day).unwrap()).sum();
        let [from, until] = [from, until].map(|text| Weekly::time(text).unwrap());
        Weekly { days, from, until, zone: "Europe/Berlin".to_owned() }
    }

    #[test]
    fn hours_of_a_day_are_those_of_its_zone() {
        let backup = weekly(&["sun"], "02:00", "04:00");
        let hours = (at("2027-01-10T01:00:00Z"), at("2027-01-10T03:00:00Z"));
        for (now, is_in) in [
            ("2027-01-10T00:59:59.999Z", false),
            ("2027-01-10T01:00:00Z", true),
            ("2027-01-10T02:59:59.999Z", true),
            ("2027-01-10T03:00:00Z", false),
            ("2027-01-11T02:00:00Z", false),
        ] {
            assert_eq!(backup.around(at(now), &berlin()), is_in.then_some(hours), "{now}");
        }
    }

    #[test]
    fn a_night_ends_on_the_next_day_and_belongs_to_the_day_on_which_it_begins() {
        let nights = weekly(&["fri", "sat"], "22:00", "06:00");
        let night = (at("2027-01-08T21:00:00Z"), at("2027-01-09T05:00:00Z"));
        assert_eq!(nights.around(at("2027-01-09T04:00:00Z"), &berlin()), Some(night), "Saturday morning");
        assert_eq!(nights.around(at("2027-01-11T04:00:00Z"), &berlin()), None, "Monday morning");
        let always = weekly(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "00:00", "00:00");
        assert!((0..200).all(|hour| always.around(night.0.plus(hour * 3_600_000), &berlin()).is_some()));
    }

    #[test]
    fn hours_over_a_change_of_the_clocks_begin_and_end_by_the_clock_on_the_wall() {
        let night = weekly(&["sat"], "22:00", "06:00");
        let (from, until) = night.around(at("2027-03-28T00:00:00Z"), &berlin()).unwrap();
        assert_eq!(until.since(from), 7 * 3_600_000, "one hour is skipped");
        // 02:30 does not exist in that night.
        let skipped = weekly(&["sun"], "02:30", "05:00");
        let (from, _) = skipped.around(at("2027-03-28T02:00:00Z"), &berlin()).unwrap();
        assert_eq!(from, at("2027-03-28T01:30:00Z"));
    }

    #[test]
    fn the_latest_hours_are_those_of_now_or_the_last_before() {
        let nights = weekly(&["fri"], "22:00", "06:00");
        let (now, then) = (at("2027-01-09T04:00:00Z"), at("2027-01-15T20:59:59Z"));
        assert_eq!(nights.latest(now, &berlin()), nights.around(now, &berlin()));
        assert_eq!(nights.latest(then, &berlin()), nights.around(now, &berlin()), "a week later, a second before");
        assert_ne!(nights.latest(then.plus(1_000), &berlin()), nights.around(now, &berlin()));
    }

    #[test]
    fn a_time_is_four_digits() {
        assert_eq!(
            (Weekly::time("07:30"), Weekly::time("23:59"), Weekly::time("00:00")),
            (Some(450), Some(1_439), Some(0))
        );
        for wrong in ["24:00", "7:30", "07:60", "0730", "07:3", "-1:00", "+1:00", ""] {
            assert_eq!(Weekly::time(wrong), None, "{wrong}");
        }
        assert_eq!(Weekly::time_text(450), "07:30");
        assert!(weekly(&["mon", "sun"], "00:00", "01:00").day_names().eq(["mon", "sun"]));
    }
}
