//! When the benches refuse to publish figures.

#[allow(dead_code)] // the benches use the rest
#[path = "../common/load.rs"]
mod load;

use load::{check, parse, DESPITE_LOAD, MOST_IDLE};

#[test]
fn the_load_average_is_the_first_number_of_proc_loadavg() {
    assert_eq!(parse("0.14 1.16 2.20 1/234 5678\n"), Some(0.14));
    assert_eq!(parse("12.00 3.39 2.82 7/300 9\n"), Some(12.0));
}

#[test]
fn the_load_average_follows_its_label_in_the_output_of_uptime() {
    let linux = " 21:41:45 up 20:04,  0 user,  load average: 0.25, 1.16, 2.20\n";
    let mac = "21:41  up 3 days,  2:09, 2 users, load averages: 1.52 1.60 1.71\n";
    assert_eq!(parse(linux), Some(0.25));
    assert_eq!(parse(mac), Some(1.52));
}

#[test]
fn a_text_without_a_load_average_has_none() {
    for text in ["", "\n", "load average", "load average: ", "up 3 days", "-1.00 0.00", "nan 0.00", "inf"] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

#[test]
fn figures_of_an_idle_machine_are_published() {
    assert_eq!(check(Some(0.0), false), Ok(()));
    assert_eq!(check(Some(MOST_IDLE), false), Ok(()));
}

#[test]
fn figures_of_a_busy_machine_are_refused_with_the_load_and_the_option() {
    let refusal = check(Some(1.254), false).expect_err("busy");
    assert!(refusal.contains("1.25") && refusal.contains(DESPITE_LOAD), "{refusal}");
    assert!(check(Some(MOST_IDLE + 0.01), false).is_err());
}

#[test]
fn figures_of_an_unknown_load_are_refused() {
    assert!(check(None, false).expect_err("unknown").contains("unknown"));
}

#[test]
fn the_option_publishes_the_figures_of_any_load() {
    assert_eq!(check(Some(99.0), true), Ok(()));
    assert_eq!(check(None, true), Ok(()));
}
