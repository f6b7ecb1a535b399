//! The resources that the userspace backend uses: memory, wake-ups and CPU time.

use polling::{Events, Poller};
use portable_timerfd::{backends, Accuracy, Backend, Registered, TimerFd, TimerSpec};
use std::sync::Arc;
use std::time::Duration;

use super::compare::percentile;
use super::heap;
use super::latency::{in_a_loop, now};
use super::timers::open;
use super::usage::cpu_time;
use super::userspace::armed;
use super::Request;

const USERSPACE: Backend = backends::userspace::BACKEND;
/// The modes, and a bar for the CPU time of each.
///
/// The design limits only the time of spinning. These bars show if the CPU time grows.
const MODES: [(&str, Accuracy, f64); 3] = [
    ("economical", Accuracy::Economical, 3.0),
    ("adaptive", Accuracy::Adaptive, 5.0),
    ("precise", Accuracy::Precise, 15.0),
];
/// Microseconds per second: 1 % of one CPU, and half as much again for the second wake-up.
const MAX_SPIN: f64 = 15_000.0;
const HOUR: Duration = Duration::from_secs(3600);

pub fn run(request: &Request) {
    let name = "userspace.bytes_per_timer";
    if request.wants_with(name, 2 * 5_000) {
        request.print(name.to_owned(), bytes_per_timer(), None, 256.0);
    }
    let name = "userspace.idle_wakeups_per_s";
    if request.wants_with(name, 2 * 1_000) {
        request.print(name.to_owned(), idle_wakeups_per_s(request.rounds(10)), None, 0.0);
    }
    cpu_time_of_modes(request);
}

/// Returns the heap bytes for an armed timer, plus the size of its `TimerFd`.
fn bytes_per_timer() -> f64 {
    const COUNT: usize = 5_000;
    let _first = armed(USERSPACE, 1);
    let mut timers = Vec::with_capacity(COUNT);
    let mut random = fastrand::Rng::with_seed(3);
    let (bytes, ()) = heap::growth(|| {
        for _ in 0..COUNT {
            let timer = open(USERSPACE);
            timer.set(&TimerSpec::after(HOUR + Duration::from_micros(random.u64(0..1_000_000)))).expect("set");
            timers.push(timer);
        }
    });
    (bytes as f64 / COUNT as f64) + size_of::<TimerFd>() as f64
}

/// Returns the mean number of wake-ups of the timer thread per second.
///
/// A thousand timers are set to an hour from now meanwhile.
fn idle_wakeups_per_s(seconds: usize) -> f64 {
    let timers: Vec<TimerFd> = (0..1000).map(|_| open(USERSPACE)).collect();
    timers.iter().for_each(|timer| timer.set(&TimerSpec::after(HOUR)).expect("set"));
    // The thread sleeps once this timer has expired.
    timers[0].arm_after(Duration::from_millis(1)).expect("set");
    timers[0].wait(None).expect("an expiration");
    std::thread::sleep(Duration::from_millis(50));
    let before = switches_of_the_thread();
    std::thread::sleep(Duration::from_secs(seconds as u64));
    (switches_of_the_thread() - before) / seconds as f64
}

/// Returns how often the timer thread went to sleep, by the kernel's count.
fn switches_of_the_thread() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("proc").map(|task| task.expect("a thread").path());
    let is_it = |name: &str| name.trim_end() == "timerfd";
    let mut of_it = tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| is_it(&name)));
    let status = std::fs::read_to_string(of_it.next().expect("it runs").join("status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.expect("Linux has it").trim().parse().expect("a number")
}

/// Measures the CPU time of a second with a thousand expirations, in microseconds.
///
/// The loop that reads the timer is included.
fn cpu_time_of_modes(request: &Request) {
    let spin = "userspace.adaptive_held_us_per_s";
    let names = MODES.map(|(mode, ..)| format!("userspace.{mode}_processor_us_per_s/kernel"));
    if !request.wants(spin) && !names.iter().any(|name| request.wants(name)) {
        return;
    }
    let mut all = vec![ticking(backends::kernel::BACKEND, Accuracy::default())];
    all.extend(MODES.map(|(_, accuracy, _)| ticking(USERSPACE, accuracy)));
    let mut times = vec![Vec::new(); all.len()];
    let rounds = request.rounds(10);
    for round in 1..=rounds {
        eprintln!("  {} seconds of {}", all.len(), all.len() * (rounds + 1 - round));
        for (one, times) in all.iter_mut().zip(&mut times) {
            times.push(one.second());
        }
    }
    let times: Vec<f64> = times.into_iter().map(|times| percentile(times, 50.0)).collect();
    for ((name, (.., bar)), &ours) in names.into_iter().zip(MODES).zip(&times[1..]) {
        request.print(name, ours, Some(times[0]), bar);
    }
    request.print(spin.to_owned(), times[2] - times[1], None, MAX_SPIN);
}

struct Ticking {
    timer: Registered<TimerFd>,
    poller: Arc<Poller>,
}

fn ticking(backend: Backend, accuracy: Accuracy) -> Ticking {
    let (poller, timer) = in_a_loop(backend, accuracy);
    Ticking { timer, poller }
}

impl Ticking {
    /// Waits for a thousand expirations, and returns the microseconds of CPU time per second.
    fn second(&mut self) -> f64 {
        let before = cpu_time();
        let start = now();
        self.timer.arm_every(Duration::from_millis(1)).expect("set");
        let mut events = Events::new();
        let mut ticks = 0;
        while ticks < 1000 {
            events.clear();
            self.poller.wait(&mut events, None).expect("wait");
            ticks += self.timer.read().expect("an expiration");
        }
        self.timer.disarm().expect("set");
        (cpu_time() - before).as_secs_f64() * 1e6 / now().saturating_duration_since(start).as_secs_f64()
    }
}
