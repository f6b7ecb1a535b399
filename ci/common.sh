# Functions that several scripts use: they install tools and choose build folders.
# shellcheck shell=bash

# Ends the script with success if this machine cannot run the check.
not_checked() {
    echo "NOT CHECKED: $*"
    exit 0
}

# Installs a program from these packages, unless it is there already.
need() {
    command -v "$1" >/dev/null || package "${@:2}"
}

package() {
    command -v apt-get >/dev/null || { echo "install $* first" >&2; exit 1; }
    # Two scripts may install something at the same time.
    {
        flock 9
        apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@"
    } >/dev/null 9>"${TMPDIR:-/tmp}/portable-timerfd.packages"
}

# Installs nightly Rust with this component, unless an installed one has it.
nightly() {
    rustup component list --toolchain nightly --installed 2>/dev/null | grep "^$1" >/dev/null && return
    rustup toolchain install nightly --profile minimal --component "$1" >/dev/null 2>&1 ||
        not_checked "nightly Rust with $1 can't be fetched here"
}

# Installs the standard library for another target.
target() {
    rustup target add "$1" >/dev/null 2>&1 || not_checked "Rust for $1 can't be fetched here"
}

# The suites that run wherever there are processes and threads.
# shellcheck disable=SC2034
ordinary_suites=(--lib --test compat --test conformance --test conversions --test costs --test known_differences --test kernel --test loops --test pollers --test porting --test process
    --test clock_changes --test simulated --test stress --test timer_set --test timer_types)

# Sets a build folder of its own, for builds with other flags.
use_separate_target_dir() {
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/$1
}

# Installs strace, and ends the script if strace may not trace here.
need_strace() {
    need strace strace
    strace -o /dev/null true 2>/dev/null || not_checked "strace may not trace here, so $*"
}

# The command that runs a program as on a kernel without timerfd.
# shellcheck disable=SC2034
without_timerfd=(strace -f --seccomp-bpf -o /dev/null -e trace=timerfd_create -e inject=timerfd_create:error=ENOSYS)

# Makes a virtual environment for Python packages.
python_venv() {
    need python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || package python3-venv
    python3 -m venv "$1"
}

# Keeps downloads and builds for other systems, so that a second checkout does not repeat them.
# shellcheck disable=SC2034
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/portable-timerfd

# Builds this version of a cargo command in a folder of its own, and puts it first in PATH.
from_crates_io() {
    local dir=$cache/$1-$2
    [ -x "$dir/bin/$1" ] || cargo install --quiet --debug --locked --root "$dir" "$1@$2"
    PATH=$dir/bin:$PATH
}

# Installs the programs of a file of requirements, and puts them first in PATH.
pypi_programs() { # file
    local dir requirements=$1
    dir=$cache/programs-$(cksum <"$requirements" | cut -d ' ' -f 1)
    if [ ! -e "$dir/is-complete" ]; then
        rm -rf "$dir"
        python_venv "$dir"
        "$dir/bin/pip" --quiet --disable-pip-version-check install --requirement "$requirements" || {
            # This package always exists.
            "$dir/bin/pip" --quiet download --no-deps --dest "$dir/probe" pip >/dev/null 2>&1 && exit 1
            not_checked "PyPI can't be reached, so the programs of $requirements did not run"
        }
        touch "$dir/is-complete"
    fi
    PATH=$dir/bin:$PATH
}

# Prints the path of a Python that has os.timerfd_create and its tests, or nothing. Prefers an
# installed one to that of a later Debian, which comes with its own C library.
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

# Prints the path of this Python of this Debian release, or nothing. Downloads it once.
debian_python() {
    local python=$cache/python-$2/python
    "$python" -c '' 2>/dev/null || fetch_python "$1" "$2" >&2 || return 0
    echo "$python"
}

# Unpacks this Python of this Debian release, and writes a command that runs it. For `arm64`, qemu
# runs it. Further arguments are more packages to unpack.
fetch_python() {
    local suite=$1 version=$2 architecture=${3:-$(dpkg --print-architecture)} repository packages
    local dir=$cache/python-$version${3:+-$3}
    command -v apt-get >/dev/null || return
    # This variable belongs to apt, not to the shell.
    # shellcheck disable=SC2016
    repository=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    rm -rf "$dir"
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial" "$dir/debs"
    touch "$dir/apt/status"
    echo "deb $repository $suite main" >"$dir/apt/sources"
    local apt=(apt-get -qq -o Dir::State="$dir/apt" -o Dir::State::status="$dir/apt/status" -o Dir::Cache="$dir/apt"
        -o Dir::Etc::SourceList="$dir/apt/sources" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root
        -o APT::Architecture="$architecture" -o APT::Architectures="$architecture")
    packages=(libc6 "python$version-minimal" "libpython$version-minimal" "libpython$version-stdlib" "libpython$version-testsuite"
        zlib1g libexpat1 libffi8 libbz2-1.0 liblzma5 libssl3t64 "${@:4}")
    { "${apt[@]}" update && (cd "$dir/debs" && "${apt[@]}" download "${packages[@]}"); } || return
    for package in "$dir"/debs/*.deb; do dpkg --extract "$package" "$dir" || return; done
    rm -rf "$dir/debs" "$dir/apt"
    # Without a choice of the processor, qemu computes pointer authentication, which takes most of
    # the time.
    write_python "$dir" "${3:+qemu-aarch64 -cpu cortex-a72}"
}

# Writes a command that runs the Python in this folder, with this emulator if it needs one.
write_python() {
    cat >"$1/python" <<END
#!/bin/sh
here=\$(dirname "\$0")
libraries=\$(dirname "\$(find "\$here/usr/lib" -name 'libc.so.6' | head -n 1)")
PYTHONHOME=\$here/usr exec $2 "\$(find "\$libraries" -name 'ld-linux*' | head -n 1)" --library-path "\$libraries" "\$here"/usr/bin/python3.?* "\$@"
END
    chmod +x "$1/python"
}

# Downloads what a target needs, and prints the origin of its standard library: `prebuilt`;
# otherwise `source`, built with the installed Rust; otherwise `debian`, built with Debian's Rust,
# which RUST_FROM=debian also selects.
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

# Sets `cargo`, the command to call, and `std`, its arguments, for a standard library of this
# origin.
# shellcheck disable=SC2034
std_from() {
    cargo=(cargo) std=()
    [ "$1" != prebuilt ] || return 0
    # Leaves out the features that only backtraces need.
    std=(-Zbuild-std=std,panic_abort -Zbuild-std-features=)
    cargo=(env RUSTC_BOOTSTRAP=1 cargo)
    [ "$1" != debian ] || cargo=(env "PATH=/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 /usr/bin/cargo)
}

# Selects this build folder, which all checkouts share for one target. Cargo decides by file times
# whether a package is up to date, so this first removes the packages that another checkout has
# built.
build_in() {
    export CARGO_TARGET_DIR=$1 CARGO_PROFILE_DEV_DEBUG=0
    mkdir -p "$1"
    local lock
    exec {lock}>"$1/lock"
    flock "$lock"
    "${cargo[@]}" clean --quiet --locked --package portable-timerfd --package portable-timerfd-descriptors \
        --package portable-timerfd-c --package portable-timerfd-python --package portable-timerfd-for-tests --package migration --target "$2"
}
