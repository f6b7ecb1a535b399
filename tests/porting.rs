//! Conversions for programs that are ported from timerfd, compared with the kernel; and the
//! conversion of a `TimerFd` into its descriptor.

mod common;

use common::*;
use portable_timerfd::backends::kernel;
use portable_timerfd::{backends, Clock, SimulatedClock, TimerFd};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

#[cfg(target_os = "linux")]
mod in_c {
    use super::*;
    use nix::libc::{self, c_int, clockid_t, itimerspec, timespec};
    use portable_timerfd::{Backend, Initial, TimerSpec};
    use std::io;
    use std::mem::size_of;
    use std::os::fd::{AsFd, FromRawFd};

    const CLOCK: Clock = Clock::Monotonic;
    const ABSTIME: c_int = libc::TFD_TIMER_ABSTIME;
    const CANCEL_ON_SET: c_int = libc::TFD_TIMER_CANCEL_ON_SET;
    const FLAGS: [c_int; 4] = [0, ABSTIME, CANCEL_ON_SET, ABSTIME | CANCEL_ON_SET];
    const CENTURY: i64 = 100 * 365 * 86_400;

    fn c(value: (i64, i64), interval: (i64, i64)) -> itimerspec {
        let time = |(secs, nanos): (i64, i64)| timespec { tv_sec: secs as _, tv_nsec: nanos as _ };
        itimerspec { it_value: time(value), it_interval: time(interval) }
    }

    fn parts(spec: &itimerspec) -> [(i64, i64); 2] {
        #[allow(clippy::unnecessary_cast)] // The types differ between processors.
        [spec.it_value, spec.it_interval].map(|time| (time.tv_sec as i64, time.tv_nsec as i64))
    }

    /// Creates a timerfd. Fails if the kernel has no timerfd or lacks the clock.
    fn create(id: clockid_t) -> io::Result<OwnedFd> {
        // SAFETY: the call uses no memory.
        let fd = unsafe { libc::timerfd_create(id, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, and nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn settime(fd: &impl AsFd, flags: c_int, new: &itimerspec) -> io::Result<()> {
        // SAFETY: `new` is valid for reads, and the old setting may be null.
        let result = unsafe { libc::timerfd_settime(fd.as_fd().as_raw_fd(), flags, new, std::ptr::null_mut()) };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    fn gettime(fd: &impl AsFd) -> itimerspec {
        let mut now = c((0, 0), (0, 0));
        // SAFETY: `now` is valid for writes.
        assert_eq!(unsafe { libc::timerfd_gettime(fd.as_fd().as_raw_fd(), &mut now) }, 0);
        now
    }

    /// Returns settings that disarm, or arm for relative times or for absolute times of each clock.
    fn settings() -> Vec<itimerspec> {
        let now = |clock: Clock| clock.now().unwrap().since_zero().as_secs() as i64;
        // As a time of the wall clock, the fourth is in the past.
        let mut values = vec![(0, 0), (0, 1), (0, 999_999_999), (1 << 30, 0), (i64::from(i32::MAX), 500_000_000)];
        values.extend([CLOCK, Clock::Realtime].map(|clock| (now(clock) + 5_000, 250_000_000)));
        if size_of::<timespec>() > 8 {
            values.extend([(CENTURY * 10, 1), (i64::MAX, 999_999_999)]);
        }
        // No period ends during the test.
        let intervals = [(0, 0), (50_000, 7), (i64::from(i32::MAX), 999_999_999)];
        values.iter().flat_map(|&value| intervals.map(|interval| c(value, interval))).collect()
    }

    /// Sets a kernel timer, a `TimerFd` and another kernel timer in turn. Asserts that the
    /// remaining time of the `TimerFd` is between the other two.
    fn assert_set_alike(backend: Backend, clock: Clock, flags: c_int, new: &itimerspec) {
        let id = clock.clockid().unwrap();
        let [first, last] = [(); 2].map(|()| create(id).unwrap());
        let timer = open_on(backend, clock);
        let spec = TimerSpec::from_itimerspec(clock, flags, new).unwrap();
        // The kernel processes a due expiration a little later. Until then, the reported setting is
        // not final.
        let is_due = match spec.initial() {
            Initial::After(delay) => delay < Duration::from_micros(1),
            Initial::At(time) => time <= clock.now().unwrap(),
            _ => false,
        };
        settime(&first, flags, new).unwrap();
        timer.set(&spec).unwrap();
        settime(&last, flags, new).unwrap();
        let of_it = |timer: &TimerFd| {
            let (flags, left) = timer.get().unwrap().to_itimerspec();
            assert_eq!(flags, 0, "the time left is relative");
            left
        };
        if is_due {
            until_readable(&first);
            until_readable(&timer);
            until_readable(&last);
        } else if parts(new)[0] == (0, 999_999_999) {
            return; // It may expire between two calls.
        }
        let most = parts(&gettime(&last));
        let is = parts(&of_it(&timer));
        let least = parts(&gettime(&first));
        let what = format!("{backend:?} {clock:?} flags {flags}, {:?}", parts(new));
        assert_eq!((is[1], is[1]), (least[1], most[1]), "{what}");
        assert!(least[0] <= is[0] && is[0] <= most[0], "{what}: {least:?} {is:?} {most:?}");
        let is_armed = |of: &[(i64, i64); 2]| of[0] != (0, 0);
        assert_eq!((is_armed(&is), is_armed(&is)), (is_armed(&least), is_armed(&most)), "{what}");
    }

    #[test]
    fn a_setting_from_c_has_the_effect_that_timerfd_settime_has() {
        if is_missing(kernel::BACKEND) {
            return;
        }
        for backend in backends_here() {
            for clock in clocks() {
                for flags in FLAGS {
                    settings().iter().for_each(|new| assert_set_alike(backend, clock, flags, new));
                }
            }
        }
    }

    /// Sets a kernel timer with the arguments that `to_itimerspec` returns.
    #[test]
    fn a_setting_to_c_has_the_effect_that_set_has() {
        if is_missing(kernel::BACKEND) {
            return;
        }
        for clock in clocks() {
            let now = clock.now().unwrap();
            let (soon, long) = (now + HOUR, Duration::from_secs(50_000));
            let [canceled, off] = [TimerSpec::at(soon).cancel_on_set(), TimerSpec::disarmed().every(long)];
            let zero = now - now.since_zero();
            let expired = [TimerSpec::after(Duration::ZERO), TimerSpec::at(zero), TimerSpec::at(zero).every(long)];
            let later = [TimerSpec::after(HOUR).every(long), TimerSpec::at(soon), canceled, off];
            for spec in expired.iter().chain(&later) {
                let (flags, new) = spec.to_itimerspec();
                let raw = create(clock.clockid().unwrap()).unwrap();
                settime(&raw, flags, &new).unwrap();
                let is_due = expired.contains(spec);
                if is_due {
                    until_readable(&raw);
                }
                assert_eq!(is_readable(&raw), is_due, "{spec:?}");
                assert_set_alike(kernel::BACKEND, clock, flags, &new);
                let [value, interval] = parts(&gettime(&raw));
                assert_eq!(interval, (spec.interval().as_secs() as i64, 0), "{spec:?}");
                let has_time_left = later[..3].contains(spec) || is_due && interval.0 > 0;
                assert_eq!(value != (0, 0), has_time_left, "{spec:?}");
            }
        }
    }

    #[test]
    fn a_setting_in_c_round_trips() {
        for (clock, new) in
            [CLOCK, Clock::Realtime].iter().flat_map(|&clock| settings().into_iter().map(move |new| (clock, new)))
        {
            for flags in FLAGS {
                let (back_flags, back) = TimerSpec::from_itimerspec(clock, flags, &new).unwrap().to_itimerspec();
                assert_eq!(parts(&back), parts(&new));
                // Other flags have no meaning: a disarming setting has no time, and only a time of
                // the wall clock is canceled.
                let disarms = parts(&new)[0] == (0, 0);
                let meant = match flags {
                    CANCEL_ON_SET => 0,
                    ABSTIME if disarms => 0,
                    flags if disarms || clock == Clock::Realtime => flags,
                    flags => flags & ABSTIME,
                };
                assert_eq!(back_flags, meant, "{clock:?} {:?}", parts(&new));
            }
        }
    }

    #[test]
    fn now_never_becomes_the_zero_that_disarms_in_c() {
        let zero = CLOCK.now().map(|now| now - now.since_zero()).unwrap();
        for (now, flags) in [(TimerSpec::after(Duration::ZERO), 0), (TimerSpec::at(zero), ABSTIME)] {
            let (is, spec) = now.to_itimerspec();
            assert_eq!((is, parts(&spec)), (flags, [(0, 1), (0, 0)]));
        }
    }

    #[test]
    fn a_time_that_does_not_fit_in_c_becomes_the_largest_one() {
        let (_, spec) = TimerSpec::after(Duration::MAX).every(Duration::MAX).to_itimerspec();
        let largest = if size_of::<timespec>() > 8 { i64::MAX } else { i64::from(i32::MAX) };
        assert_eq!(parts(&spec), [(largest, 999_999_999); 2]);
        // Its seconds fit in 64 bits, but not in 32.
        let (_, spec) = TimerSpec::after(Duration::from_secs(1 << 40)).to_itimerspec();
        let is = if size_of::<timespec>() > 8 { (1 << 40, 0) } else { (largest, 999_999_999) };
        assert_eq!(parts(&spec), [is, (0, 0)]);
    }

    #[test]
    fn a_setting_that_timerfd_settime_refuses_is_refused() {
        let kernel = create(libc::CLOCK_MONOTONIC).ok();
        let is_refused = |flags, new: &itimerspec| {
            let what = format!("flags {flags}, {:?}", parts(new));
            let refusal = errno(TimerSpec::from_itimerspec(CLOCK, flags, new));
            if let Some(kernel) = &kernel {
                assert_eq!(refusal, errno(settime(kernel, flags, new)), "{what}");
            }
            assert!(matches!(refusal, None | Some(libc::EINVAL)), "{what}");
            refusal.is_some()
        };
        let ok = c((1, 0), (1, 0));
        assert!(FLAGS.iter().all(|&flags| !is_refused(flags, &ok)));
        assert!([-1, -2, -3, c_int::MIN, c_int::MAX].iter().all(|&flags| is_refused(flags, &ok)));
        assert!((2..32).all(|bit| is_refused(1 << bit, &ok) && is_refused(ABSTIME | 1 << bit, &ok)));
        for bad in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::from(i32::MIN), 0), (1, i64::from(i32::MAX))] {
            for flags in FLAGS {
                assert!(is_refused(flags, &c(bad, (0, 0))));
                // The field is checked even if the setting disarms.
                assert!(is_refused(flags, &c((0, 0), bad)));
                assert!(is_refused(flags, &c((1, 0), bad)));
            }
        }
        if size_of::<timespec>() > 8 {
            assert!([(i64::MIN, 0), (0, i64::MAX), (0, 1 << 32)].iter().all(|&bad| is_refused(0, &c(bad, (0, 0)))));
        }
    }

    #[cfg(not(portable_timerfd_test_posix))]
    #[test]
    fn every_clock_has_its_number_in_c() {
        let numbers = [
            (Clock::Monotonic, libc::CLOCK_MONOTONIC),
            (Clock::Realtime, libc::CLOCK_REALTIME),
            (Clock::Boottime, libc::CLOCK_BOOTTIME),
            (Clock::RealtimeAlarm, libc::CLOCK_REALTIME_ALARM),
            (Clock::BoottimeAlarm, libc::CLOCK_BOOTTIME_ALARM),
        ];
        assert_eq!(numbers.len(), Clock::ALL.len());
        for (clock, id) in numbers {
            assert_eq!(clock.clockid(), Some(id), "{clock:?}");
            assert_eq!(Clock::from_clockid(id).unwrap(), clock);
        }
    }

    #[cfg(not(portable_timerfd_test_posix))]
    #[test]
    fn a_clock_that_timerfd_create_refuses_is_refused() {
        let others = [libc::CLOCK_PROCESS_CPUTIME_ID, libc::CLOCK_THREAD_CPUTIME_ID, libc::CLOCK_MONOTONIC_RAW];
        for id in others {
            assert_errno(Clock::from_clockid(id), libc::EINVAL);
        }
        if is_missing(kernel::BACKEND) {
            return;
        }
        for id in (-20..40).chain([clockid_t::MIN, clockid_t::MAX]) {
            // An alarm clock may need a privilege.
            let refusal = errno(create(id)).filter(|&errno| errno != libc::EPERM);
            assert_eq!(errno(Clock::from_clockid(id)), refusal, "{id}");
        }
    }
}

#[test]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), ignore = "only Linux has timers of the kernel")]
fn the_descriptor_of_a_kernel_timer_can_be_taken_out_with_its_setting() {
    if is_missing(kernel::BACKEND) {
        return;
    }
    let timer = open_on(kernel::BACKEND, Clock::Boottime);
    let number = timer.as_raw_fd();
    let first = timer.now(Clock::Boottime).unwrap() + Duration::from_millis(1);
    timer.set(&portable_timerfd::TimerSpec::at(first).every(HOUR)).unwrap();
    let fd = OwnedFd::try_from(timer).expect("it is a kernel timer");
    assert_eq!((fd.as_raw_fd(), is_nonblocking_and_closed_on_exec(&fd)), (number, (true, true)));
    let timer = kernel::KernelTimer::from_fd(fd, Clock::Boottime);
    assert_eq!(timer.wait(None).unwrap(), 1);
    assert!(timer.now(Clock::Boottime).unwrap() >= first);
    let setting = timer.get().unwrap();
    assert_eq!((setting.is_armed(), setting.interval()), (true, HOUR));
    // The descriptor is still the timer's only one.
    drop(timer);
}

#[test]
fn every_other_timer_is_given_back_unharmed() {
    for backend in backends_here().filter(|&backend| backend != kernel::BACKEND) {
        let timer = open_on(backend, Clock::Monotonic);
        let number = timer.as_raw_fd();
        timer.arm_every(HOUR).unwrap();
        let timer = OwnedFd::try_from(timer).unwrap_err();
        assert_eq!((timer.as_raw_fd(), timer.backend(), timer.clock()), (number, backend, Clock::Monotonic));
        let setting = timer.get().unwrap();
        assert_eq!((setting.is_armed(), setting.interval()), (true, HOUR));
        assert!(left(setting) > HOUR / 2);
        timer.arm_after(Duration::from_millis(1)).unwrap();
        let timer = OwnedFd::try_from(timer).unwrap_err();
        assert_eq!(timer.wait(None).unwrap(), 1);
    }
    let simulated = SimulatedClock::new();
    let timer = TimerFd::from(simulated.timer(Clock::Realtime).unwrap());
    timer.arm_after(HOUR).unwrap();
    let timer = OwnedFd::try_from(timer).unwrap_err();
    assert_eq!(left(timer.get().unwrap()), HOUR);
    simulated.advance(HOUR);
    assert_eq!((timer.read().unwrap(), timer.backend()), (1, backends::simulated::BACKEND));
}
