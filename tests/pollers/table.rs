//! The table of `docs/pollers.md`, written from the behaviours that the tests expect.

use crate::poller_behaviour::{AfterClose, PollerBehaviour, EPOLL, EVENT_PORTS, KQUEUE, KQUEUE_OF_MACOS, POLL};
use libtest_mimic::{Failed, Trial};
use std::fmt::Write;

/// The page is compiled in, so that the test runs on a machine that has only this program.
const PAGE: &str = include_str!("../../docs/pollers.md");

const COLUMNS: [(&str, PollerBehaviour); 5] = [
    ("epoll", EPOLL),
    ("kqueue of BSDs", KQUEUE),
    ("kqueue of macOS", KQUEUE_OF_MACOS),
    ("event ports", EVENT_PORTS),
    ("poll", POLL),
];
const BSD: usize = 1;
const MACOS: usize = 2;
const PORTS: usize = 3;
const POLL_COLUMN: usize = 4;

/// The source of a test program, which contains the tests of some rows.
struct Program {
    folder: &'static str,
    sources: &'static [&'static str],
}

const POLLERS: Program = Program {
    folder: "tests/pollers",
    sources: &[
        include_str!("edges.rs"),
        include_str!("modes.rs"),
        include_str!("registrations.rs"),
        include_str!("waiters.rs"),
    ],
};
const LOOPS: Program =
    Program { folder: "tests/loops", sources: &[include_str!("../loops/mio.rs"), include_str!("../loops/awaited.rs")] };
const PROCESS: Program = Program { folder: "tests/process", sources: &[include_str!("../process/forks.rs")] };

struct Row {
    /// What a program does.
    what: &'static str,
    cell: fn(&PollerBehaviour) -> &'static str,
    program: Program,
    test: &'static str,
    /// The columns in which the cell was read from sources, but not seen.
    unseen: &'static [usize],
}

fn choose(condition: bool, yes: &'static str, no: &'static str) -> &'static str {
    if condition {
        yes
    } else {
        no
    }
}

const ROWS: [Row; 13] = [
    Row {
        what: "level-triggered",
        cell: |poller| choose(poller.has_level, "an event at each wait while a count is unread", "not supported"),
        program: POLLERS,
        test: "every_mode_reports_an_unread_count_as_often_as_documented",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "edge-triggered",
        cell: |poller| choose(poller.has_edge, "an event for one or more expirations", "not supported"),
        program: POLLERS,
        test: "a_timer_rearmed_while_unread_is_reported_again",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "edge-triggered: read fewer than eight bytes of a `userspace` timer",
        cell: |poller| match poller.has_edge {
            true => choose(poller.short_read_is_an_edge, "another event", "no event"),
            false => "not supported",
        },
        program: POLLERS,
        test: "a_short_read_is_an_edge_where_documented",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "one-shot",
        cell: |_| "one event, then none until `modify`",
        program: POLLERS,
        test: "every_mode_reports_an_unread_count_as_often_as_documented",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "one-shot: read, disarm or postpone an expired timer before the wait",
        cell: |poller| choose(poller.reports_a_drained_timer, "**an event without a count**", "no event"),
        program: POLLERS,
        test: "a_timer_drained_before_the_wait_is_reported_where_documented",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "postpone or disarm a timer while a thread waits",
        cell: |_| "the thread continues to wait",
        program: POLLERS,
        test: "a_blocked_poller_keeps_sleeping_when_the_time_is_postponed",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "`Poller::modify` with another mode, while an event is awaited",
        cell: |poller| match poller.has_level {
            true => choose(poller.modify_changes_the_mode, "the new mode", "**the old mode stays**"),
            false => "not supported",
        },
        program: POLLERS,
        test: "a_new_mode_takes_effect_where_documented",
        unseen: &[BSD, MACOS, PORTS],
    },
    Row {
        what: "`Poller::add` twice",
        cell: |poller| {
            choose(poller.refuses_a_second_registration, "`AlreadyExists`", "the second one replaces the first")
        },
        program: POLLERS,
        test: "a_second_registration_is_refused_or_replaces_the_first",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "register with mio or tokio twice",
        cell: |poller| {
            choose(poller.mio_refuses_a_second_registration, "`AlreadyExists`", "**the second one replaces the first**")
        },
        program: LOOPS,
        test: "a_second_registration_is_refused_or_replaces_the_first",
        unseen: &[BSD, MACOS, PORTS, POLL_COLUMN],
    },
    Row {
        what: "add a duplicate and its original",
        cell: |_| "both are reported",
        program: POLLERS,
        test: "a_duplicate_is_registered_beside_its_original",
        unseen: &[BSD, MACOS, PORTS],
    },
    Row {
        what: "close the registered descriptor while a duplicate stays open, and reuse its number",
        cell: |poller| match poller.after_close {
            AfterClose::OldFile => "the old timer is reported",
            AfterClose::Nothing => "nothing is reported",
            AfterClose::NewFile => "the new file is reported",
        },
        program: POLLERS,
        test: "a_closed_registration_is_reported_as_documented",
        unseen: &[BSD, MACOS, PORTS],
    },
    Row {
        what: "`Poller::delete` twice",
        cell: |poller| choose(poller.refuses_a_second_deletion, "`NotFound`", "no error"),
        program: POLLERS,
        test: "a_removed_timer_is_not_reported_and_can_be_added_again",
        unseen: &[MACOS, PORTS],
    },
    Row {
        what: "drop a registration in a forked child",
        cell: |poller| {
            choose(poller.is_shared_with_a_child, "**it leaves the parent's loop**", "the parent's loop keeps it")
        },
        program: PROCESS,
        test: "a_registration_dropped_in_a_child_leaves_a_shared_loop",
        unseen: &[MACOS, PORTS],
    },
];

fn table() -> String {
    let mut table = String::from("| what a program does |");
    COLUMNS.iter().for_each(|(name, _)| write!(table, " {name} |").unwrap());
    table.push_str(" test |\n|---|---|---|---|---|---|---|\n");
    for row in &ROWS {
        write!(table, "| {} |", row.what).unwrap();
        for (column, (_, poller)) in COLUMNS.iter().enumerate() {
            let mark = if row.unseen.contains(&column) { " ○" } else { "" };
            write!(table, " {}{mark} |", (row.cell)(poller)).unwrap();
        }
        writeln!(table, " `{}` in `{}` |", row.test, row.program.folder).unwrap();
    }
    table
}

fn the_table_of_pollers_shows_what_the_tests_expect() -> Result<(), Failed> {
    for row in &ROWS {
        let functions = [format!("fn {}(", row.test), format!("fn {}<", row.test)];
        let exists = row.program.sources.iter().any(|source| functions.iter().any(|start| source.contains(start)));
        assert!(exists, "{} has no test {}", row.program.folder, row.test);
    }
    let table = table();
    assert!(PAGE.contains(&table), "docs/pollers.md should contain:\n{table}");
    Ok(())
}

pub fn trial() -> Trial {
    Trial::test(
        "table::the_table_of_pollers_shows_what_the_tests_expect",
        the_table_of_pollers_shows_what_the_tests_expect,
    )
}
