//! Inherent methods of the timer types, so that a program that uses one need not import `Timer`.

/// Gives a timer type an inherent method for each method of `Timer`.
macro_rules! inherent_methods {
    ($timer:ty) => {
        impl $timer {
            /// Arms, re-arms or disarms the timer: see [`Timer::set`](crate::Timer::set).
            ///
            /// # Errors
            ///
            /// Those of [`Timer::set`](crate::Timer::set). After `ECANCELED`, the new setting is in
            /// force: see [`is_clock_change`](crate::is_clock_change).
            #[inline]
            #[doc(alias = "settime")]
            #[doc(alias = "timerfd_settime")]
            #[doc(alias = "set_state")]
            pub fn set(&self, new: &$crate::spec::TimerSpec) -> std::io::Result<()> {
                $crate::timer::Timer::set(self, new)
            }

            /// Sets the timer and returns the previous setting: see
            /// [`Timer::replace`](crate::Timer::replace).
            ///
            /// # Errors
            ///
            /// Those of [`Timer::replace`](crate::Timer::replace). After `ECANCELED`, the new
            /// setting is in force.
            #[inline]
            #[doc(alias = "settime")]
            #[doc(alias = "timerfd_settime")]
            #[doc(alias = "set_state")]
            pub fn replace(&self, new: &$crate::spec::TimerSpec) -> std::io::Result<$crate::spec::TimerSpec> {
                $crate::timer::Timer::replace(self, new)
            }

            /// Returns the remaining time and the interval: see [`Timer::get`](crate::Timer::get).
            ///
            /// # Errors
            ///
            /// Those of [`Timer::get`](crate::Timer::get).
            #[inline]
            #[doc(alias = "gettime")]
            #[doc(alias = "timerfd_gettime")]
            #[doc(alias = "get_state")]
            pub fn get(&self) -> std::io::Result<$crate::spec::TimerSpec> {
                $crate::timer::Timer::get(self)
            }

            /// Arms the timer to expire once, after `delay`. A zero `delay` means *now*.
            ///
            /// # Errors
            ///
            /// Those of [`Timer::set`](crate::Timer::set).
            #[inline]
            pub fn arm_after(&self, delay: std::time::Duration) -> std::io::Result<()> {
                $crate::timer::Timer::arm_after(self, delay)
            }

            /// Arms the timer to expire once, at `time`. If `time` is in the past, it expires now.
            ///
            /// # Errors
            ///
            /// Those of [`Timer::set`](crate::Timer::set). In particular
            /// [`ClockMismatch`](crate::ClockMismatch) if `time` is of another clock than the
            /// timer's.
            #[inline]
            pub fn arm_at(&self, time: $crate::clock_time::ClockTime) -> std::io::Result<()> {
                $crate::timer::Timer::arm_at(self, time)
            }

            /// Arms the timer to expire after each `interval`, first one interval from now.
            ///
            /// # Errors
            ///
            /// `EINVAL` if `interval` is zero; otherwise those of
            /// [`Timer::set`](crate::Timer::set).
            #[inline]
            pub fn arm_every(&self, interval: std::time::Duration) -> std::io::Result<()> {
                $crate::timer::Timer::arm_every(self, interval)
            }

            /// Disarms the timer and discards unread expirations.
            ///
            /// # Errors
            ///
            /// Those of [`Timer::set`](crate::Timer::set).
            #[inline]
            pub fn disarm(&self) -> std::io::Result<()> {
                $crate::timer::Timer::disarm(self)
            }

            /// Returns the number of expirations since the last successful `read` or `set`, at
            /// least 1: see [`Timer::read`](crate::Timer::read).
            ///
            /// # Errors
            ///
            /// Those of [`Timer::read`](crate::Timer::read). In particular `EAGAIN`
            /// ([`WouldBlock`](std::io::ErrorKind::WouldBlock)) if the timer has not expired and
            /// the descriptor is non-blocking.
            #[inline]
            pub fn read(&self) -> std::io::Result<u64> {
                $crate::timer::Timer::read(self)
            }

            /// Returns the number of expirations like `read`, but never waits: see
            /// [`Timer::try_read`](crate::Timer::try_read).
            ///
            /// # Errors
            ///
            /// Those of [`Timer::try_read`](crate::Timer::try_read). In particular `EAGAIN`
            /// ([`WouldBlock`](std::io::ErrorKind::WouldBlock)) if the timer has not expired.
            #[inline]
            pub fn try_read(&self) -> std::io::Result<u64> {
                $crate::timer::Timer::try_read(self)
            }

            /// Waits for the timer to expire and returns the number of expirations: see
            /// [`Timer::wait`](crate::Timer::wait).
            ///
            /// # Errors
            ///
            /// Those of [`Timer::wait`](crate::Timer::wait). In particular `ETIMEDOUT`
            /// ([`TimedOut`](std::io::ErrorKind::TimedOut)) if the limit has passed.
            #[inline]
            pub fn wait(&self, limit: Option<std::time::Duration>) -> std::io::Result<u64> {
                $crate::timer::Timer::wait(self, limit)
            }

            /// Waits until the timer is readable. Does not read it: see
            /// [`Pollable::wait_readable`](crate::Pollable::wait_readable).
            ///
            /// # Errors
            ///
            /// Those of [`Pollable::wait_readable`](crate::Pollable::wait_readable).
            #[inline]
            pub fn wait_readable(&self, limit: Option<std::time::Duration>) -> std::io::Result<()> {
                $crate::pollable::Pollable::wait_readable(self, limit)
            }

            /// Returns the current time of `clock`, real or simulated: see
            /// [`Timer::now`](crate::Timer::now).
            ///
            /// # Errors
            ///
            /// Those of [`Timer::now`](crate::Timer::now).
            #[inline]
            pub fn now(&self, clock: $crate::clock::Clock) -> std::io::Result<$crate::clock_time::ClockTime> {
                $crate::timer::Timer::now(self, clock)
            }

            /// Returns the clock that the timer counts on.
            #[inline]
            #[must_use]
            pub fn clock(&self) -> $crate::clock::Clock {
                $crate::timer::Timer::clock(self)
            }
        }
    };
}

pub(crate) use inherent_methods;
