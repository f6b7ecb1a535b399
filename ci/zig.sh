# Functions for scripts that link for other systems with zig, which has their libraries.
# shellcheck shell=bash

zig_version=0.17.1
zig=$cache/zig-$zig_version

# Pairs of a target and its name in zig, for macOS with the oldest release that Rust supports.
zig_targets=(aarch64-apple-darwin=aarch64-macos.11.0 x86_64-apple-darwin=x86_64-macos.10.13 x86_64-unknown-freebsd=x86_64-freebsd
    x86_64-unknown-netbsd=x86_64-netbsd x86_64-unknown-openbsd=x86_64-openbsd)

# Downloads zig from PyPI, and writes a linker for rustc.
fetch_zig() {
    [ ! -x "$zig/zig-linker" ] || return 0
    python_venv "$zig"
    "$zig/bin/pip" -q install "ziglang==$zig_version"
    # rustc passes arguments that zig does not accept: libraries that are not needed, and the target
    # in another notation.
    cat >"$zig/zig-linker" <<'END'
#!/usr/bin/env bash
set -euo pipefail
kept=()
for argument in "$@"; do
    case "$argument" in
    --target=* | -m*-version-min=* | -arch | arm64 | x86_64 | -m64 | -Wl,-dead_strip_dylibs) ;;
    -liconv | -lkvm | -lmemstat | -lprocstat | -ldevstat) ;;
    *) kept+=("$argument") ;;
    esac
done
exec "$(dirname "$0")/bin/python3" -m ziglang cc -target "$ZIG_TARGET" "${kept[@]}"
END
    chmod +x "$zig/zig-linker"
}

# Makes cargo link for this target with zig.
link_with_zig() {
    local pair linker
    for pair in "${zig_targets[@]}"; do
        if [ "${pair%=*}" = "$1" ]; then
            fetch_zig
            linker=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$1")_LINKER
            export "$linker=$zig/zig-linker" "ZIG_TARGET=${pair#*=}"
            return
        fi
    done
    echo "zig brings no libraries for $1, as far as is known here" >&2
    return 1
}
