//! What threads share and wait by: std's and crossbeam's, named in one place so that `tests/models` can put its own there.

pub(crate) use crossbeam_channel::{bounded, Receiver, Sender};
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use std::thread::{current, park, park_timeout, Thread};
pub(crate) use std::time::Instant;
