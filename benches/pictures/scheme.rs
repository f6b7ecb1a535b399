//! The colours of the pictures, in the light and in the dark colour scheme.
//!
//! One file serves both: a style sheet in the picture replaces each colour if the reader prefers a
//! dark scheme. The background is part of the picture, so the text can be read on any page.

use plotters::style::RGBColor;

pub const PAPER: RGBColor = RGBColor(255, 255, 255);
pub const INK: RGBColor = RGBColor(40, 40, 40);
pub const GRID: RGBColor = RGBColor(205, 205, 205);
pub const FAINT: RGBColor = RGBColor(238, 238, 238);
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
pub const ORANGE: RGBColor = RGBColor(213, 94, 0);
pub const GREEN: RGBColor = RGBColor(0, 150, 109);
pub const PINK: RGBColor = RGBColor(184, 80, 138);
pub const DARK_GRAY: RGBColor = RGBColor(85, 85, 85);
pub const GRAY: RGBColor = RGBColor(125, 125, 125);

/// Each colour, and the colour that replaces it in the dark scheme.
const DARK: [(RGBColor, RGBColor); 10] = [
    (PAPER, RGBColor(13, 17, 23)),
    (INK, RGBColor(230, 237, 243)),
    (GRID, RGBColor(74, 82, 92)),
    (FAINT, RGBColor(36, 42, 50)),
    (BLUE, RGBColor(88, 181, 240)),
    (ORANGE, RGBColor(255, 146, 72)),
    (GREEN, RGBColor(63, 208, 160)),
    (PINK, RGBColor(240, 139, 192)),
    (DARK_GRAY, RGBColor(200, 200, 200)),
    (GRAY, RGBColor(140, 140, 140)),
];

/// Returns the colour of a backend, which is the same in every picture.
pub fn color(backend: &str) -> RGBColor {
    match backend {
        "kernel" => BLUE,
        _ => ORANGE,
    }
}

/// Adds the dark scheme to an SVG picture.
///
/// Returns an error if the picture has a colour that the dark scheme does not replace.
pub fn with_dark(svg: &str) -> Result<String, String> {
    let (start, rest) = svg.split_once('>').ok_or("not an SVG picture")?;
    for attribute in ["fill=\"#", "stroke=\"#"] {
        let colors = rest.split(attribute).skip(1).filter_map(|text| text.split('"').next());
        if let Some(other) = colors.into_iter().find(|color| DARK.iter().all(|(light, _)| hex(*light) != *color)) {
            return Err(format!("the dark scheme has no colour for #{other}"));
        }
    }
    let rules: String = DARK.iter().map(|&(light, dark)| rule(&hex(light), &hex(dark))).collect();
    Ok(format!("{start}>\n<style>\n@media (prefers-color-scheme: dark) {{\n{rules}}}\n</style>{rest}"))
}

fn rule(light: &str, dark: &str) -> String {
    format!("[fill=\"#{light}\"] {{ fill: #{dark} }}\n[stroke=\"#{light}\"] {{ stroke: #{dark} }}\n")
}

fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("{red:02X}{green:02X}{blue:02X}")
}
