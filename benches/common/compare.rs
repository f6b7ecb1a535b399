//! Times several candidates for one operation.
//!
//! The candidates run in turns, so that other load on the machine affects all of them equally.

use std::time::Instant;

/// One way to do the operation.
pub struct Candidate<'a> {
    /// Runs before each `run` and is not timed.
    pub prepare: Box<dyn FnMut() + 'a>,
    /// Does the operation `times` times.
    pub run: Box<dyn FnMut() + 'a>,
    pub times: usize,
}

impl<'a> Candidate<'a> {
    pub fn new(times: usize, run: impl FnMut() + 'a) -> Candidate<'a> {
        Candidate { prepare: Box::new(|| ()), run: Box::new(run), times }
    }

    pub fn prepared_by(self, prepare: impl FnMut() + 'a) -> Candidate<'a> {
        Candidate { prepare: Box::new(prepare), ..self }
    }

    /// Runs the candidate and returns the nanoseconds for one operation.
    fn time(&mut self) -> f64 {
        (self.prepare)();
        let start = Instant::now();
        (self.run)();
        start.elapsed().as_nanos() as f64 / self.times as f64
    }
}

/// Returns the median of the nanoseconds of each candidate.
///
/// A tenth more rounds run first, to warm up.
pub fn medians(candidates: &mut [Candidate<'_>], rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(rounds); candidates.len()];
    let many = candidates.len();
    for round in 0..rounds + rounds / 10 {
        for index in order(many, round) {
            let time = candidates[index].time();
            if round >= rounds / 10 {
                times[index].push(time);
            }
        }
    }
    times.into_iter().map(|times| percentile(times, 50.0)).collect()
}

/// Returns the number of rounds: all, or a fifth in a quick run.
pub fn rounds(many: usize, quick: bool) -> usize {
    many / if quick { 5 } else { 1 }
}

/// Returns the order of the candidates in a round.
///
/// The order varies, so that no candidate always follows the same one.
pub fn order(many: usize, round: usize) -> impl Iterator<Item = usize> {
    let turns = move |turn| if round % 2 == 0 { turn } else { many - turn };
    (0..many).map(move |turn| (round / 2 + turns(turn)) % many)
}

/// Returns the value that `percent` percent of all values do not exceed.
pub fn percentile(mut values: Vec<f64>, percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * percent / 100.0).ceil() as usize;
    values[place.clamp(1, values.len()) - 1]
}
