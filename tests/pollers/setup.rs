//! `polling` loops, their modes, and a timer in a loop, registered by `Registered` and by hand.

use crate::support::*;
use polling::{Event, Events, PollMode, Poller};
use portable_timerfd::{Backend, Clock, Registered, Timer, TimerFd};
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub fn poller() -> Arc<Poller> {
    Arc::new(Poller::new().unwrap())
}

/// Returns the keys reported within this time.
pub fn keys(poller: &Poller, timeout: Option<Duration>) -> Vec<usize> {
    let mut events = Events::new();
    poller.wait(&mut events, timeout).unwrap();
    events.iter().map(|event| event.key).collect()
}

/// Returns the mode that reports a timer as long as it is readable. If the system's poller has no
/// such mode, returns one that reports it at least once.
pub fn at_least_once(poller: &Poller) -> PollMode {
    if poller.supports_level() {
        PollMode::Level
    } else {
        PollMode::Oneshot
    }
}

pub fn register(backend: Backend, poller: &Arc<Poller>, key: usize, mode: PollMode) -> Registered<TimerFd> {
    Registered::new(poller, open(backend), Event::readable(key), mode).unwrap()
}

const MODES: [PollMode; 4] = [PollMode::Level, PollMode::Edge, PollMode::Oneshot, PollMode::EdgeOneshot];

/// Returns the modes of this system's poller.
pub fn modes() -> impl Iterator<Item = PollMode> {
    let poller = poller();
    MODES.into_iter().filter(move |mode| match mode {
        PollMode::Level => poller.supports_level(),
        PollMode::Edge | PollMode::EdgeOneshot => poller.supports_edge(),
        _ => true,
    })
}

/// A timer that is in a loop until this is dropped.
pub trait InLoop {
    fn modify(&self, interest: Event, mode: PollMode) -> io::Result<()>;
}

impl InLoop for Registered<Arc<TimerFd>> {
    fn modify(&self, interest: Event, mode: PollMode) -> io::Result<()> {
        Registered::modify(self, interest, mode)
    }
}

struct ByHand {
    poller: Arc<Poller>,
    timer: Arc<TimerFd>,
}

impl InLoop for ByHand {
    fn modify(&self, interest: Event, mode: PollMode) -> io::Result<()> {
        self.poller.modify_with_mode(&*self.timer, interest, mode)
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.poller.delete(&*self.timer).unwrap();
    }
}

fn registered(
    poller: &Arc<Poller>,
    timer: &Arc<TimerFd>,
    interest: Event,
    mode: PollMode,
) -> io::Result<Box<dyn InLoop>> {
    Ok(Box::new(Registered::new(poller, Arc::clone(timer), interest, mode)?))
}

fn by_hand(poller: &Arc<Poller>, timer: &Arc<TimerFd>, interest: Event, mode: PollMode) -> io::Result<Box<dyn InLoop>> {
    // SAFETY: the value made below owns the timer, and deletes it from the poller before it drops
    // it.
    unsafe { poller.add_with_mode(&**timer, interest, mode)? };
    Ok(Box::new(ByHand { poller: Arc::clone(poller), timer: Arc::clone(timer) }))
}

/// A loop, a timer, and the way to register the timer.
pub struct Setup {
    pub poller: Arc<Poller>,
    pub timer: Arc<TimerFd>,
    pub mode: PollMode,
    pub is_by_hand: bool,
}

/// Returns every combination of a loop, a mode and a way to register.
pub fn setups(backend: Backend) -> impl Iterator<Item = Setup> {
    let setup = move |mode, is_by_hand| Setup { poller: poller(), timer: Arc::new(open(backend)), mode, is_by_hand };
    modes().flat_map(move |mode| [false, true].map(|is_by_hand| setup(mode, is_by_hand)))
}

impl Setup {
    pub fn enter(&self) -> Box<dyn InLoop> {
        let enter = if self.is_by_hand { by_hand } else { registered };
        enter(&self.poller, &self.timer, Event::readable(5), self.mode).unwrap()
    }

    pub fn is_oneshot(&self) -> bool {
        matches!(self.mode, PollMode::Oneshot | PollMode::EdgeOneshot)
    }

    pub fn ask(&self, entry: &dyn InLoop) {
        entry.modify(Event::readable(5), self.mode).unwrap();
    }

    #[track_caller]
    pub fn assert_reported(&self) {
        assert_eq!(keys(&self.poller, None), [5], "{:?}", self.mode);
    }

    /// As `assert_reported`, for an event that is there already. So this fails instead of waiting.
    #[track_caller]
    pub fn assert_reported_now(&self) {
        assert_eq!(keys(&self.poller, Some(Duration::ZERO)), [5], "{:?}", self.mode);
    }

    #[track_caller]
    pub fn assert_silent(&self) {
        assert_eq!(keys(&self.poller, Some(Duration::ZERO)), [], "{:?}", self.mode);
    }

    /// Lets the timer expire. When this returns, the expiration is visible everywhere, because the
    /// emulation's `set` delivers it.
    pub fn expire(&self) {
        self.timer.arm_after(Duration::ZERO).unwrap();
        until_readable(&*self.timer);
    }

    /// Arms the timer and asserts that its expiration is reported, after a modification if the mode
    /// needs one.
    #[track_caller]
    pub fn assert_expiration_is_reported(&self, entry: &dyn InLoop) {
        let goal = Clock::Monotonic.now().unwrap() + ms(1);
        self.timer.arm_at(goal).unwrap();
        if self.is_oneshot() {
            self.ask(entry);
        }
        self.assert_reported();
        assert!(Clock::Monotonic.now().unwrap() >= goal, "{:?}", self.mode);
    }
}
