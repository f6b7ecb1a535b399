//! Several ways to do one thing, timed in turn, so that whatever the machine does meanwhile hits all of them alike.

use std::time::Instant;

/// One way to do the thing.
pub struct Contestant<'a> {
    /// Done before each run, and not timed.
    pub prepare: Box<dyn FnMut() + 'a>,
    /// Does the thing this many times.
    pub run: Box<dyn FnMut() + 'a>,
    pub times: usize,
}

impl<'a> Contestant<'a> {
    pub fn new(times: usize, run: impl FnMut() + 'a) -> Contestant<'a> {
        Contestant { prepare: Box::new(|| ()), run: Box::new(run), times }
    }

    pub fn prepared_by(self, prepare: impl FnMut() + 'a) -> Contestant<'a> {
        Contestant { prepare: Box::new(prepare), ..self }
    }

    /// Nanoseconds that the thing takes.
    fn time(&mut self) -> f64 {
        (self.prepare)();
        let start = Instant::now();
        (self.run)();
        start.elapsed().as_nanos() as f64 / self.times as f64
    }
}

/// The median of each one's nanoseconds, over so many rounds.
pub fn medians(contestants: &mut [Contestant<'_>], rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(rounds); contestants.len()];
    let many = contestants.len();
    for round in 0..rounds + rounds / 10 {
        for who in order(many, round) {
            let time = contestants[who].time();
            if round >= rounds / 10 {
                times[who].push(time);
            }
        }
    }
    times.into_iter().map(|times| percentile(times, 50.0)).collect()
}

/// How often to measure: a quick run does with a fifth.
pub fn rounds(many: usize, quick: bool) -> usize {
    many / if quick { 5 } else { 1 }
}

/// In what order so many come in a round: nobody always after the same one.
pub fn order(many: usize, round: usize) -> impl Iterator<Item = usize> {
    let turns = move |turn| if round % 2 == 0 { turn } else { many - turn };
    (0..many).map(move |turn| (round / 2 + turns(turn)) % many)
}

/// The value that so many percent of all are not above.
pub fn percentile(mut values: Vec<f64>, percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * percent / 100.0).ceil() as usize;
    values[place.clamp(1, values.len()) - 1]
}
