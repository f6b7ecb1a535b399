//! Pictures: panels of curves, as SVG.

use plotters::coord::Shift;
use plotters::element::{DashedPathElement, DynElement};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;

use crate::axis::Axis;
use crate::bars::Bars;
use crate::scheme::{with_dark, FAINT, GRID, INK, PAPER};

/// Pixels.
const WIDTH: u32 = 900;
const PANEL: u32 = 310;
const TITLE: u32 = 44;
const LEGEND: u32 = 26;

/// One line of a panel.
pub struct Curve {
    pub name: String,
    pub color: RGBColor,
    pub kind: Kind,
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Line,
    Dashes,
    ShortDashes,
    /// A line with a dot at each point.
    Dots,
}

pub struct Panel {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    /// The position of the legend. `None` for panels that share one legend above them.
    pub legend: Option<SeriesLabelPosition>,
    pub curves: Vec<Curve>,
}

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Drawn = Result<(), Box<dyn Error>>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// Draws the panels in this number of columns.
pub fn svg(title: &str, columns: usize, panels: &[Panel]) -> Result<String, Box<dyn Error>> {
    svg_with_bars(title, columns, panels, &[])
}

/// Draws the panels in this number of columns, and panels of bars side by side below them.
pub fn svg_with_bars(title: &str, columns: usize, panels: &[Panel], bars: &[Bars]) -> Result<String, Box<dyn Error>> {
    let common = panels.iter().find(|panel| panel.legend.is_none());
    let head = TITLE + common.map_or(0, |_| LEGEND);
    let rows = panels.chunks(columns).len();
    let tall = if rows == 1 { PANEL + 130 } else { PANEL };
    let above_bars = head + tall * u32::try_from(rows)?;
    let height = above_bars + bars.iter().map(Bars::height).max().unwrap_or(0);
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&PAPER)?;
        let (rest, bottom) = root.split_vertically(above_bars);
        let (top, rest) = rest.split_vertically(head);
        heading(&top, title, common)?;
        for (area, panel) in rest.split_evenly((rows, columns)).iter().zip(panels) {
            draw(area, panel)?;
        }
        for (area, bars) in bottom.split_evenly((1, bars.len().max(1))).iter().zip(bars) {
            bars.draw(area)?;
        }
        root.present()?;
    }
    Ok(with_dark(&text)?)
}

/// Draws the title, and the legend of the panels that share one.
fn heading(top: &Area<'_>, title: &str, common: Option<&Panel>) -> Drawn {
    let font = ("sans-serif", 23).into_font().color(&INK).pos(centred());
    top.draw(&Text::new(title, (WIDTH as i32 / 2, 24), font))?;
    common.map_or(Ok(()), |panel| common_legend(top, &panel.curves))
}

fn centred() -> Pos {
    Pos::new(HPos::Center, VPos::Center)
}

fn draw(area: &Area<'_>, panel: &Panel) -> Drawn {
    let mut builder = ChartBuilder::on(area);
    builder.margin(8).margin_right(30).x_label_area_size(42).y_label_area_size(78);
    if !panel.title.is_empty() {
        builder.caption(&panel.title, ("sans-serif", 18).into_font().color(&INK));
    }
    let mut chart = builder.build_cartesian_2d(panel.x.clone(), panel.y.clone())?;
    chart
        .configure_mesh()
        .x_desc(&panel.x.label)
        .y_desc(&panel.y.label)
        .axis_desc_style(("sans-serif", 16).into_font().color(&INK))
        .label_style(("sans-serif", 14).into_font().color(&INK))
        .x_labels(7)
        .y_labels(6)
        .bold_line_style(GRID)
        .light_line_style(FAINT)
        .axis_style(INK)
        .draw()?;
    for curve in &panel.curves {
        trace(&mut chart, curve)?;
    }
    match &panel.legend {
        Some(position) => legend(&mut chart, position.clone()),
        None => Ok(()),
    }
}

fn trace(chart: &mut Chart<'_>, curve: &Curve) -> Drawn {
    let style = curve.color.stroke_width(2);
    let points = curve.points.iter().copied();
    let drawn = match curve.kind {
        Kind::Dashes => chart.draw_series(DashedLineSeries::new(points, 7, 4, style))?,
        Kind::ShortDashes => chart.draw_series(DashedLineSeries::new(points, 2, 3, style))?,
        Kind::Line => chart.draw_series(LineSeries::new(points, style))?,
        Kind::Dots => chart.draw_series(LineSeries::new(points, style.filled()).point_size(3))?,
    };
    let (kind, color) = (curve.kind, curve.color);
    drawn.label(&curve.name).legend(move |place| specimen(kind, color, place));
    Ok(())
}

/// Draws a piece of the curve for the legend.
fn specimen<'a>(kind: Kind, color: RGBColor, (x, y): (i32, i32)) -> DynElement<'static, SVGBackend<'a>, (i32, i32)> {
    let ends = [(x, y), (x + 18, y)];
    match kind {
        Kind::Dashes => DashedPathElement::new(ends, 7, 4, color.stroke_width(2)).into_dyn(),
        Kind::ShortDashes => DashedPathElement::new(ends, 2, 3, color.stroke_width(2)).into_dyn(),
        _ => PathElement::new(ends, color.stroke_width(2)).into_dyn(),
    }
}

/// Draws the names side by side, centred below the title.
fn common_legend(top: &Area<'_>, curves: &[Curve]) -> Drawn {
    // The approximate width of the letters, and the width of the specimen with its gaps.
    let width = |curve: &Curve| 7 * curve.name.chars().count() as i32 + 38;
    let mut x = (WIDTH as i32 - curves.iter().map(width).sum::<i32>()) / 2;
    let y = TITLE as i32 + 8;
    let font = ("sans-serif", 16).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    for curve in curves {
        top.draw(&specimen(curve.kind, curve.color, (x, y)))?;
        top.draw(&Text::new(curve.name.as_str(), (x + 24, y), font.clone()))?;
        x += width(curve);
    }
    Ok(())
}

fn legend(chart: &mut Chart<'_>, position: SeriesLabelPosition) -> Drawn {
    chart
        .configure_series_labels()
        .position(position)
        .margin(6)
        .legend_area_size(26)
        .background_style(PAPER.mix(0.85))
        .border_style(GRID)
        .label_font(("sans-serif", 15).into_font().color(&INK))
        .draw()?;
    Ok(())
}
