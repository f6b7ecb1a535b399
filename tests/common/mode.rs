//! Sets the accuracy of the process to the mode that the variable `ACCURACY` names, if any.

use portable_timerfd::Accuracy;

pub fn take_from_env() {
    let Ok(name) = std::env::var("ACCURACY") else { return };
    let is_named = |mode: &&Accuracy| format!("{mode:?}").eq_ignore_ascii_case(&name);
    Accuracy::ALL.iter().find(is_named).expect("ACCURACY names a mode").set_for_process().unwrap();
}
