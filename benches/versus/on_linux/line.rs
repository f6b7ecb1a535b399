//! One line of the output.

/// An operation, our figure, the other's figure, and the bar.
pub struct Line {
    pub name: String,
    pub ours: f64,
    /// The figure that ours is compared with, or `None` if the bar is an absolute figure.
    pub other: Option<f64>,
    pub bar: f64,
}

impl Line {
    pub fn print(&self) {
        let ratio = self.other.map(|other| self.ours / other);
        let verdict = if ratio.unwrap_or(self.ours) <= self.bar { "pass" } else { "miss" };
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        println!(
            "{}\t{:.1}\t{}\t{}\t{}\t{verdict}",
            self.name,
            self.ours,
            or_dash(self.other.map(|other| format!("{other:.1}"))),
            or_dash(ratio.map(|ratio| format!("{ratio:.3}"))),
            self.bar,
        );
    }
}
