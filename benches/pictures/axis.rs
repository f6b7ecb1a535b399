//! The axis of a panel: its range and its steps.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

use crate::page::whole;

#[derive(Clone)]
pub struct Axis {
    pub label: String,
    range: Range<f64>,
    scale: Scale,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Log,
    /// Fractions of a whole. Each further nine has the same width.
    Nines,
}

impl Axis {
    /// Creates a linear axis from zero, with even steps.
    pub fn linear(label: &str, values: impl Iterator<Item = f64>) -> Axis {
        let most = values.fold(f64::MIN_POSITIVE, f64::max) * 1.02;
        let step = round_up(most / 5.0);
        Axis { label: label.to_owned(), range: 0.0..(most / step).ceil() * step, scale: Scale::Linear }
    }

    /// Creates a linear axis from zero to the largest value.
    pub fn span(label: &str, values: impl Iterator<Item = f64>) -> Axis {
        Axis { label: label.to_owned(), range: 0.0..values.fold(f64::MIN_POSITIVE, f64::max), scale: Scale::Linear }
    }

    /// Creates a logarithmic axis. All values must be greater than zero.
    pub fn log(label: &str, values: impl Iterator<Item = f64>) -> Axis {
        let (least, most) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(a, z), value| (a.min(value), z.max(value)));
        Axis { label: label.to_owned(), range: round_down(least)..round_up(most), scale: Scale::Log }
    }

    /// Creates an axis of fractions from 0 to just above 0.999, on which the tail is readable.
    pub fn nines(label: &str) -> Axis {
        Axis { label: label.to_owned(), range: 0.0..0.9995, scale: Scale::Nines }
    }

    /// Returns whether the value is on the axis.
    pub fn contains(&self, value: f64) -> bool {
        self.range.contains(&value)
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

/// The steps of an axis of nines.
const NINES: [(f64, &str); 4] =
    [(0.5, "0.5 (p50)"), (0.9, "0.9 (p90)"), (0.99, "0.99 (p99)"), (0.999, "0.999 (p99.9)")];

fn nines_label(value: f64) -> &'static str {
    NINES.iter().find(|(fraction, _)| *fraction == value).map_or("", |(_, label)| label)
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
        let place = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Nines => -(1.0 - value).log10(),
        };
        let (start, end) = (place(self.range.start), place(self.range.end));
        let part = (place(*value) - start) / (end - start);
        from + (f64::from(to - from) * part.clamp(0.0, 1.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let decades = (self.range.end / self.range.start).log10();
        match (self.scale, hint.weight().allow_light_points()) {
            (Scale::Linear, _) => self.even_steps(hint.bold_points()),
            (Scale::Nines, _) => NINES.map(|(fraction, _)| fraction).to_vec(),
            (Scale::Log, true) => self.powers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]),
            (Scale::Log, false) if decades < 2.5 => self.powers(&[1.0, 2.0, 5.0]),
            (Scale::Log, false) => self.powers(&[1.0]),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        match *value {
            value if self.scale == Scale::Nines => nines_label(value).to_owned(),
            value if value >= 10.0 => whole(value),
            // Hides the rounding error of the step.
            value => format!("{}", (value * 1e6).round() / 1e6),
        }
    }
}
