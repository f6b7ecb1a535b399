//! What the userspace row takes of the machine: memory, wake-ups, a processor's time.

use nix::sys::resource::{getrusage, UsageWho};
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{backends, Backend, Clock, Punctuality, Registered, Timer, TimerFd, TimerSpec};
use std::sync::Arc;
use std::time::Duration;

use super::contest::percentile;
use super::heap;
use super::rows::open;
use super::shots::now;
use super::userspace::armed;
use super::Request;

const USERSPACE: &Backend = &backends::userspace::BACKEND;
/// Of the processor time, by mode. There is no bar in the design but the hundredth of a processor between the first two: these keep
/// what is measured from growing unseen.
const BARS: [f64; 3] = [3.0, 5.0, 15.0];
const HOUR: Duration = Duration::from_secs(3600);

pub fn run(request: &Request) {
    let name = "userspace.bytes_per_timer";
    if request.wants(name) {
        request.print(name.to_owned(), bytes_per_timer(), None, 256.0);
    }
    let name = "userspace.idle_wakeups_per_s";
    if request.wants(name) {
        request.print(name.to_owned(), idle_wakeups_per_s(request.rounds(10)), None, 0.0);
    }
    processor_time(request);
}

/// Of armed timers, what is in their owner's hand included.
fn bytes_per_timer() -> f64 {
    const CROWD: usize = 5_000;
    let _first = armed(USERSPACE, 1);
    let mut timers = Vec::with_capacity(CROWD);
    let mut random = fastrand::Rng::with_seed(3);
    let (bytes, ()) = heap::growth(|| {
        for _ in 0..CROWD {
            let timer = open(USERSPACE);
            timer.settime(&TimerSpec::after(HOUR + Duration::from_micros(random.u64(0..1_000_000)))).expect("settime");
            timers.push(timer);
        }
    });
    (bytes as f64 / CROWD as f64) + size_of::<TimerFd>() as f64
}

/// How often the thread wakes up in a second, on the average of so many, with a thousand timers set to an hour from now.
fn idle_wakeups_per_s(seconds: usize) -> f64 {
    let timers: Vec<TimerFd> = (0..1000).map(|_| open(USERSPACE)).collect();
    timers.iter().for_each(|timer| timer.set(&TimerSpec::after(HOUR)).expect("settime"));
    // The thread goes to rest after the last has been armed.
    timers[0].settime(&TimerSpec::after(Duration::from_millis(1))).expect("settime");
    timers[0].wait(None).expect("an expiration");
    std::thread::sleep(Duration::from_millis(50));
    let before = switches_of_the_thread();
    std::thread::sleep(Duration::from_secs(seconds as u64));
    (switches_of_the_thread() - before) / seconds as f64
}

/// How often the timer thread went to sleep, as the kernel counts it.
fn switches_of_the_thread() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("proc").map(|task| task.expect("a thread").path());
    let is_it = |name: &str| name.trim_end() == "timerfd";
    let mut of_it = tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| is_it(&name)));
    let status = std::fs::read_to_string(of_it.next().expect("it runs").join("status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.expect("Linux has it").trim().parse().expect("a number")
}

/// Microseconds of processor time for a second with a thousand expirations, the loop's that reads them included.
fn processor_time(request: &Request) {
    let modes = [
        ("economical", Punctuality::Economical),
        ("default", Punctuality::Adaptive),
        ("precise", Punctuality::Precise),
    ];
    let name = |mode| format!("userspace.{mode}_processor_us_per_s/kernel");
    if !modes.iter().any(|(mode, _)| request.wants(&name(mode))) {
        return;
    }
    let mut rows = vec![ticking(&backends::kernel::BACKEND, Punctuality::default())];
    rows.extend(modes.map(|(_, punctuality)| ticking(USERSPACE, punctuality)));
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..request.rounds(10) {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            times.push(row.second());
        }
    }
    let times: Vec<f64> = times.into_iter().map(|times| percentile(times, 50.0)).collect();
    for ((mode, _), (&ours, bar)) in modes.iter().zip(times[1..].iter().zip(BARS)) {
        request.print(name(mode), ours, Some(times[0]), bar);
    }
}

struct Ticking {
    timer: Registered<TimerFd>,
    poller: Arc<Poller>,
}

fn ticking(row: &'static Backend, punctuality: Punctuality) -> Ticking {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let timer = TimerFd::builder(Clock::Monotonic).backend(row).punctuality(punctuality).open().expect("a timer");
    let timer = Registered::new(&poller, timer, Event::readable(0), PollMode::Level).expect("registered");
    Ticking { timer, poller }
}

impl Ticking {
    /// A thousand expirations, a millisecond apart: microseconds of processor time.
    fn second(&mut self) -> f64 {
        let before = processor_micros();
        let start = now();
        self.timer.arm_every(Duration::from_millis(1)).expect("settime");
        let mut events = Events::new();
        let mut ticks = 0;
        while ticks < 1000 {
            events.clear();
            self.poller.wait(&mut events, None).expect("wait");
            ticks += self.timer.read().expect("an expiration");
        }
        self.timer.disarm().expect("settime");
        (processor_micros() - before) / (now() - start).as_secs_f64()
    }
}

fn processor_micros() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("usage");
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    micros(usage.user_time()) + micros(usage.system_time())
}
