//! The parts of the pictures that measure nothing.

#![allow(dead_code)] // the bench uses the rest

#[path = "../pictures/page.rs"]
mod page;
#[path = "../pictures/scheme.rs"]
mod scheme;

use scheme::with_dark;

#[test]
fn each_missed_bar_needs_an_explanation() {
    let explained = ["kernel.read/nix", "userspace.create/kernel", "userspace.burst@5000/kernel"];
    assert_eq!(page::check_explained(&explained), Ok(()));
    let error = page::check_explained(&["userspace.create/kernel", "userspace.unheard_of"]).expect_err("a gap");
    assert!(error.contains("userspace.unheard_of") && !error.contains("create"), "{error}");
    // The name occurs on the page, but in another section.
    assert!(page::check_explained(&["cargo bench --bench versus -- set."]).is_err());
}

#[test]
fn a_picture_gets_a_dark_color_for_each_of_its_own() {
    let light = "<svg width=\"1\">\n<rect fill=\"#FFFFFF\" stroke=\"none\"/><line stroke=\"#282828\"/></svg>";
    let both = with_dark(light).expect("known colors");
    assert!(both.starts_with("<svg width=\"1\">\n<style>\n@media (prefers-color-scheme: dark) {\n"), "{both}");
    assert!(both.contains("[fill=\"#FFFFFF\"] { fill: #0D1117 }"), "{both}");
    assert!(both.contains("[stroke=\"#282828\"] { stroke: #E6EDF3 }"), "{both}");
    assert!(both.ends_with("</style>\n<rect fill=\"#FFFFFF\" stroke=\"none\"/><line stroke=\"#282828\"/></svg>"));
}

#[test]
fn a_color_without_a_dark_one_is_an_error() {
    for element in ["<rect fill=\"#123456\"/>", "<line stroke=\"#123456\"/>"] {
        let error = with_dark(&format!("<svg>{element}</svg>")).expect_err("an unknown color");
        assert!(error.contains("123456"), "{error}");
    }
}
