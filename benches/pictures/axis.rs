//! The axis of a panel: its range and its steps.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

use crate::page::whole;

#[derive(Clone)]
pub struct Axis {
    pub label: String,
    range: Range<f64>,
    is_log: bool,
}

impl Axis {
    /// Creates a linear axis from zero, with even steps.
    pub fn linear(label: &str, values: impl Iterator<Item = f64>) -> Axis {
        let most = values.fold(f64::MIN_POSITIVE, f64::max) * 1.02;
        let step = round_up(most / 5.0);
        Axis { label: label.to_owned(), range: 0.0..(most / step).ceil() * step, is_log: false }
    }

    /// Creates a linear axis from zero to the largest value.
    pub fn span(label: &str, values: impl Iterator<Item = f64>) -> Axis {
        Axis { label: label.to_owned(), range: 0.0..values.fold(f64::MIN_POSITIVE, f64::max), is_log: false }
    }

    /// Creates a logarithmic axis. All values must be greater than zero.
    pub fn log(label: &str, values: impl Iterator<Item = f64>) -> Axis {
        let (least, most) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(a, z), value| (a.min(value), z.max(value)));
        Axis { label: label.to_owned(), range: round_down(least)..round_up(most), is_log: true }
    }

    /// Creates an axis from 0 to 1.
    pub fn fraction(label: &str) -> Axis {
        Axis { label: label.to_owned(), range: 0.0..1.0, is_log: false }
    }

    fn even_steps(&self, many: usize) -> Vec<f64> {
        let step = round_up(self.range.end / many.max(1) as f64);
        (0..).map(|k| f64::from(k) * step).take_while(|&value| value <= self.range.end * 1.0001).collect()
    }

    /// Returns these multiples of each power of ten in the range.
    fn powers(&self, multiples: &[f64]) -> Vec<f64> {
        let ends = self.range.start * 0.9999..self.range.end * 1.0001;
        let exponents = self.range.start.log10().floor() as i32..=self.range.end.log10().ceil() as i32;
        let all = exponents.flat_map(|exponent| multiples.iter().map(move |multiple| multiple * 10f64.powi(exponent)));
        all.filter(|value| ends.contains(value)).collect()
    }
}

const NICE: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// Returns the smallest of 1, 2 and 5 times a power of ten that is not below `value`.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    NICE.map(|nice| nice * power).into_iter().find(|&nice| nice >= value * 0.9999).unwrap_or(value)
}

/// Returns the largest of 1, 2 and 5 times a power of ten that is not above `value`.
fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    NICE.map(|nice| nice * power).into_iter().rev().find(|&nice| nice <= value * 1.0001).unwrap_or(value)
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let place = |value: f64| if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (start, end) = (place(self.range.start), place(self.range.end));
        let part = (place(*value) - start) / (end - start);
        from + (f64::from(to - from) * part.clamp(0.0, 1.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let decades = (self.range.end / self.range.start).log10();
        match (self.is_log, hint.weight().allow_light_points()) {
            (false, _) => self.even_steps(hint.bold_points()),
            (true, true) => self.powers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]),
            (true, false) if decades < 2.5 => self.powers(&[1.0, 2.0, 5.0]),
            (true, false) => self.powers(&[1.0]),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        match *value {
            value if value >= 10.0 => whole(value),
            // Hides the rounding error of the step.
            value => format!("{}", (value * 1e6).round() / 1e6),
        }
    }
}
