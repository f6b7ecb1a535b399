//! A panel of horizontal bars.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::page::short;
use crate::plot::{Area, Drawn};
use crate::scheme::INK;

pub struct Bars {
    pub title: String,
    /// The name, the colour and the value of each bar.
    pub bars: Vec<(String, RGBColor, f64)>,
}

/// Pixels.
const TITLE: i32 = 34;
const ROW: i32 = 24;
const BAR: i32 = 14;
/// The width for the names, and for the values behind the bars.
const NAMES: i32 = 166;
const VALUES: i32 = 60;

impl Bars {
    pub fn height(&self) -> u32 {
        (TITLE + ROW * self.bars.len() as i32 + 14) as u32
    }

    pub fn draw(&self, area: &Area<'_>) -> Drawn {
        let width = area.dim_in_pixel().0 as i32;
        let font = |size: i32, x| ("sans-serif", size).into_font().color(&INK).pos(Pos::new(x, VPos::Center));
        area.draw(&Text::new(self.title.as_str(), (width / 2, TITLE / 2), font(19, HPos::Center)))?;
        let most = self.bars.iter().map(|bar| bar.2).fold(f64::MIN_POSITIVE, f64::max);
        let mut y = TITLE + ROW / 2;
        for (name, color, value) in &self.bars {
            let length = (f64::from(width - NAMES - VALUES) * value / most).round() as i32;
            let (from, to) = ((NAMES, y - BAR / 2), (NAMES + length.max(1), y + BAR / 2));
            area.draw(&Text::new(name.as_str(), (NAMES - 8, y), font(16, HPos::Right)))?;
            area.draw(&Rectangle::new([from, to], color.filled()))?;
            area.draw(&Text::new(short(*value), (to.0 + 6, y), font(16, HPos::Left)))?;
            y += ROW;
        }
        Ok(())
    }
}
