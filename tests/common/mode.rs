//! Sets the punctuality of the process to the mode that the variable `PUNCTUALITY` names, if any.

use portable_timerfd::Punctuality;

pub fn take_from_env() {
    let Ok(name) = std::env::var("PUNCTUALITY") else { return };
    let is_named = |mode: &&Punctuality| format!("{mode:?}").eq_ignore_ascii_case(&name);
    Punctuality::ALL.iter().find(is_named).expect("PUNCTUALITY names a mode").set_process_default();
}
