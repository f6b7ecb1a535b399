//! The programs whose calls are counted: for each loop, one with this library's timers, and one
//! that handles a kernel timer by hand.

use super::{mark, Program};
use crate::support::{ms, open};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd as Timerfd, TimerFlags, TimerSetTimeFlags};
use portable_timerfd::{loops, TimerFd};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

pub const ALL: &[Program] = &[
    ("async_io", async_io),
    #[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
    ("calloop", calloop),
    ("mio", mio),
    ("tokio", tokio),
];

const INTERVAL: Duration = ms(2);

/// Returns an armed timer of this backend, or none if the program handles a kernel timer by hand.
fn armed(timer: &str) -> Option<TimerFd> {
    let timer = open(timer.parse().ok()?);
    timer.arm_every(INTERVAL).unwrap();
    Some(timer)
}

fn armed_by_hand() -> OwnedFd {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    let timer = Timerfd::new(ClockId::CLOCK_MONOTONIC, flags).unwrap();
    timer.set(Expiration::Interval(TimeSpec::from_duration(INTERVAL)), TimerSetTimeFlags::empty()).unwrap();
    timer.into()
}

fn read_by_hand(timer: &impl AsFd) -> io::Result<u64> {
    let mut count = [0; 8];
    nix::unistd::read(timer, &mut count)?;
    Ok(u64::from_ne_bytes(count))
}

/// The number of expirations after which the loop has started everything it needs.
const WARM_UP: u32 = 10;

/// Waits for some expirations, and then for those that are counted.
async fn count<F: Future<Output = io::Result<u64>>>(expirations: u32, wait: impl Fn() -> F) {
    for _ in 0..WARM_UP {
        wait().await.unwrap();
    }
    mark();
    for _ in 0..expirations {
        wait().await.unwrap();
    }
    mark();
}

fn tokio(timer: &str, expirations: u32) {
    use ::tokio::io::unix::AsyncFd;
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some(timer) = armed(timer) {
            let timer = loops::tokio::TokioTimer::new(timer).unwrap();
            return count(expirations, || timer.wait()).await;
        }
        #[allow(deprecated)]
        let timer = AsyncFd::new(armed_by_hand()).unwrap();
        // This is the best possible program: the usual `try_io` makes one more read per expiration,
        // which fails.
        let wait = || async {
            let mut ready = timer.readable().await?;
            let count = read_by_hand(timer.get_ref());
            ready.clear_ready();
            count
        };
        count(expirations, wait).await;
    });
}

fn async_io(timer: &str, expirations: u32) {
    use ::async_io::Async;
    ::async_io::block_on(async {
        if let Some(timer) = armed(timer) {
            let timer = loops::async_io::AsyncIoTimer::new(timer).unwrap();
            return count(expirations, || timer.wait()).await;
        }
        let timer = Async::new(armed_by_hand()).unwrap();
        let wait = || async {
            timer.readable().await?;
            read_by_hand(timer.get_ref())
        };
        count(expirations, wait).await;
    });
}

fn mio(timer: &str, expirations: u32) {
    use ::mio::{event::Source, unix::SourceFd, Events, Interest, Poll, Token};
    fn tick<S: Source>(source: &mut S, expirations: u32, read: impl Fn(&S) -> io::Result<u64>) {
        let mut poll = Poll::new().unwrap();
        poll.registry().register(source, Token(0), Interest::READABLE).unwrap();
        let mut events = Events::with_capacity(16);
        for many in [WARM_UP, expirations] {
            for _ in 0..many {
                poll.poll(&mut events, None).unwrap();
                read(source).unwrap();
            }
            mark();
        }
    }
    if let Some(mut timer) = armed(timer) {
        return tick(&mut timer, expirations, TimerFd::read);
    }
    let timer = armed_by_hand();
    tick(&mut SourceFd(&timer.as_raw_fd()), expirations, |_| read_by_hand(&timer));
}

#[cfg(not(any(target_os = "haiku", polling_test_poll_backend)))]
fn calloop(timer: &str, expirations: u32) {
    use ::calloop::{generic::Generic, EventLoop, EventSource, Interest, Mode, PostAction};
    let mut event_loop: EventLoop<'_, u32> = EventLoop::try_new().unwrap();
    if let Some(timer) = armed(timer) {
        let add = |count: io::Result<u64>, _: &mut _, reported: &mut u32| {
            *reported += u32::from(count? > 0);
            Ok(PostAction::Continue)
        };
        event_loop.handle().insert_source(loops::calloop_0_14::CalloopTimer::new(timer).unwrap(), add).unwrap();
    } else {
        let source = Generic::new(armed_by_hand(), Interest::READ, Mode::Level);
        let add = |_, timer: &mut <Generic<OwnedFd> as EventSource>::Metadata, reported: &mut u32| {
            *reported += u32::from(read_by_hand(timer)? > 0);
            Ok(PostAction::Continue)
        };
        event_loop.handle().insert_source(source, add).unwrap();
    }
    let mut reported = 0;
    for until in [WARM_UP, WARM_UP + expirations] {
        while reported < until {
            event_loop.dispatch(None, &mut reported).unwrap();
        }
        mark();
    }
}
