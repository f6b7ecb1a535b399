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
    # Two scripts may want something at once.
    {
        flock 9
        apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"
    } >/dev/null 9>"${TMPDIR:-/tmp}/portable-timerfd.packages"
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
ordinary_suites=(--all-features --lib --test compat --test conformance --test conversions --test costs --test known_differences --test kernel --test loops --test pollers --test process
    --test clock_changes --test simulated --test stress)

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

# Prints a Python that has os.timerfd_create, with its own tests; or nothing. One that is there, or else that of a later Debian, with its C
# library.
python_with_timerfd() {
    local python suite=trixie version=3.13
    for python in "${PYTHON:-}" python3.14 python3.13 python3 "$cache/python-$version/python"; do
        if [ -n "$python" ] && "$python" -c 'import os, test.test_os; os.timerfd_create' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    if fetch_python "$suite" "$version" >&2; then echo "$cache/python-$version/python"; fi
}

# Unpacks this Python of this Debian, with a command to call it by.
fetch_python() {
    local suite=$1 version=$2 repository packages
    local room=$cache/python-$version
    command -v apt-get >/dev/null || return
    # A variable of apt's.
    # shellcheck disable=SC2016
    repository=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    rm -rf "$room"
    mkdir -p "$room/apt/lists/partial" "$room/apt/archives/partial" "$room/debs"
    touch "$room/apt/status"
    echo "deb $repository $suite main" >"$room/apt/sources"
    local apt=(apt-get -qq -o Dir::State="$room/apt" -o Dir::State::status="$room/apt/status" -o Dir::Cache="$room/apt"
        -o Dir::Etc::SourceList="$room/apt/sources" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root)
    packages=(libc6 "python$version-minimal" "libpython$version-minimal" "libpython$version-stdlib" "libpython$version-testsuite"
        zlib1g libexpat1 libffi8 libbz2-1.0 liblzma5 libssl3t64)
    { "${apt[@]}" update && (cd "$room/debs" && "${apt[@]}" download "${packages[@]}"); } || return
    for package in "$room"/debs/*.deb; do dpkg --extract "$package" "$room" || return; done
    rm -rf "$room/debs" "$room/apt"
    cat >"$room/python" <<'END'
#!/bin/sh
here=$(dirname "$0")
libraries=$(dirname "$(find "$here/usr/lib" -name 'libc.so.6' | head -n 1)")
PYTHONHOME=$here/usr exec "$(find "$libraries" -name 'ld-linux*' | head -n 1)" --library-path "$libraries" "$here"/usr/bin/python3.?* "$@"
END
    chmod +x "$room/python"
}

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
    "${cargo[@]}" clean --quiet --locked --package portable-timerfd --package portable-timerfd-descriptors \
        --package portable-timerfd-c --package portable-timerfd-python --package migration --target "$2"
}
