# What the scripts share: what they need, and where they build.
# shellcheck shell=bash

# For what can't be had here at all.
not_checked() {
    echo "NOT CHECKED: $*"
    exit 0
}

# A program, and the packages it comes with.
need() {
    command -v "$1" >/dev/null || package "${@:2}"
}

package() {
    command -v apt-get >/dev/null || { echo "install $* first" >&2; exit 1; }
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"; } >/dev/null
}

# Nightly Rust with this component; the one that is there, if it has it.
nightly() {
    rustup component list --toolchain nightly --installed 2>/dev/null | grep "^$1" >/dev/null && return
    rustup toolchain install nightly --profile minimal --component "$1" >/dev/null 2>&1 ||
        not_checked "nightly Rust with $1 can't be fetched here"
}

# The standard library for another target.
target() {
    rustup target add "$1" >/dev/null 2>&1 || not_checked "Rust for $1 can't be fetched here"
}

# The suites that run wherever there are processes and threads.
# shellcheck disable=SC2034
ordinary_suites=(--lib --test conformance --test conversions --test costs --test departures --test kernel --test pollers --test process --test steps
    --test simulated --test storm)

# A build folder of its own, for what is built otherwise than the rest.
build_apart() {
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/$1
}

# strace, if it may trace here.
need_strace() {
    need strace strace
    strace -o /dev/null true 2>/dev/null || not_checked "strace may not trace here, so $*"
}

# What calls a program on a kernel without timerfd.
# shellcheck disable=SC2034
without_timerfd=(strace -f --seccomp-bpf -o /dev/null -e trace=timerfd_create -e inject=timerfd_create:error=ENOSYS)

# A place for Python's packages, apart from the system's.
python_room() {
    need python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || package python3-venv
    python3 -m venv "$1"
}

# What is fetched or built for other systems, which no checkout is to wait for twice.
# shellcheck disable=SC2034
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/portable-timerfd

# Fetches what a target needs, and prints where its standard library is to come from: `prebuilt`; else from `source`, with the Rust
# that is here; else with `debian`'s Rust, as with RUST_FROM=debian.
fetch_std() {
    if [ "${RUST_FROM-}" != debian ] && command -v rustup >/dev/null; then
        for _ in 1 2; do
            rustup target add "$1" >/dev/null 2>&1 && { echo prebuilt; return; }
        done
        rustup component add rust-src clippy >/dev/null 2>&1 && { echo source; return; }
    fi
    [ -e /usr/bin/cargo-clippy ] && [ -e /usr/lib/rustlib/src/rust/library ] || package rustc-web cargo-web rust-web-clippy rust-web-src
    echo debian
}

# How to build with a standard library from there: sets `cargo`, what to call, and `std`, arguments for it.
# shellcheck disable=SC2034
std_from() {
    cargo=(cargo) std=()
    [ "$1" != prebuilt ] || return 0
    # Without what only its backtraces need.
    std=(-Zbuild-std=std,panic_abort -Zbuild-std-features=)
    cargo=(env RUSTC_BOOTSTRAP=1 cargo)
    [ "$1" != debian ] || cargo=(env "PATH=/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 /usr/bin/cargo)
}

# Builds in this folder from now on, which is for one target and for every checkout. Cargo tells by dates only whether a package is built
# already: what another checkout has built there of this one is thrown away first.
build_in() {
    export CARGO_TARGET_DIR=$1 CARGO_PROFILE_DEV_DEBUG=0
    mkdir -p "$1"
    local lock
    exec {lock}>"$1/lock"
    flock "$lock"
    "${cargo[@]}" clean --quiet --locked --package portable-timerfd --package portable-timerfd-descriptors --package portable-timerfd-c --target "$2"
}
