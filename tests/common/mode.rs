//! The mode of punctuality that a run of a suite is in: what `PUNCTUALITY` names, if anything.

use portable_timerfd::Punctuality;

pub fn take_from_env() {
    let Ok(name) = std::env::var("PUNCTUALITY") else { return };
    let is_named = |mode: &&Punctuality| format!("{mode:?}").eq_ignore_ascii_case(&name);
    Punctuality::ALL.iter().find(is_named).expect("PUNCTUALITY names a mode").set_process_default();
}
