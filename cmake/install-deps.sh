#!/bin/sh
# Installs what Gradus needs and this machine lacks.
#
#   sh cmake/install-deps.sh          to build programs with Gradus, and the demo
#   sh cmake/install-deps.sh test     and its tests
#   sh cmake/install-deps.sh bench    and its benchmarks, with what their comparison with other libraries can use
#
# Uses apt, as root or through sudo, and asks nothing of its own. Elsewhere it prints what to install. Fails only where
# something needed is missing in the end.
set -eu

what=${1:-demo}
needed="g++ cmake ninja-build libeigen3-dev nlohmann-json3-dev zlib1g-dev libcli11-dev"
optional=""
case $what in
demo) ;;
test)
    needed="$needed catch2 binutils pkg-config"
    optional="clang-19 libclang-rt-19-dev libomp-19-dev"
    ;;
bench)
    needed="$needed libbenchmark-dev libopenblas-dev binutils"
    optional="python3 python3-venv pkg-config libdlib-dev libdnnl-dev"
    ;;
*)
    echo "install-deps.sh: expects nothing, test or bench, got \"$what\"" >&2
    exit 2
    ;;
esac

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
known() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }
missing_of() { for package in "$@"; do installed "$package" || printf '%s ' "$package"; done; }

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    missing=$(missing_of $needed)
    wanted=$(missing_of $optional)
    if [ -z "$missing$wanted" ]; then
        echo "Gradus: everything for \"$what\" is installed."
        exit 0
    fi
    as_root() {
        if [ "$(id -u)" -eq 0 ]; then
            "$@"
        elif command -v sudo >/dev/null; then
            sudo "$@"
        else
            return 1
        fi
    }
    install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; }

    as_root apt-get update -q || true
    if [ -n "$missing" ] && ! install $missing; then
        echo "Gradus: missing here. As root, run: apt-get update && apt-get install $missing" >&2
        exit 1
    fi
    # Nobody is stopped by what is optional.
    available=
    for package in $wanted; do
        if known "$package"; then
            available="$available$package "
        else
            echo "Gradus: $package is not to be had here; what needs it will be left out."
        fi
    done
    if [ -n "$available" ] && ! install $available; then
        echo "Gradus: what needs these will be left out. As root, for them, run: apt-get install $available"
    fi
    exit 0
fi

# No apt: look for the programs and headers themselves, and say where each comes from.
lacking=
program() { command -v "$1" >/dev/null || lacking="$lacking $1"; }
header() {
    for prefix in /usr /usr/local /opt/homebrew /opt/local ${CMAKE_PREFIX_PATH:-} ${VCPKG_ROOT:+"$VCPKG_ROOT"/installed/*}; do
        [ ! -e "$prefix/include/$1" ] || return 0
    done
    lacking="$lacking $1"
}
program c++
program cmake
program ninja
header eigen3/Eigen/Core
header nlohmann/json.hpp
header zlib.h
header CLI/CLI.hpp
[ "$what" != test ] || [ -e /usr/include/catch2/catch.hpp ] || header catch2/catch_test_macros.hpp
[ "$what" != bench ] || header benchmark/benchmark.h
if [ -z "$lacking" ]; then
    echo "Gradus: everything for \"$what\" is installed."
    exit 0
fi
cat >&2 <<END
Gradus: missing here:$lacking
This script installs with apt only. The packages are called:
  dnf    gcc-c++ cmake ninja-build eigen3-devel json-devel zlib-devel cli11-devel   test: catch-devel clang libomp-devel   bench: google-benchmark-devel openblas-devel
  brew   cmake ninja eigen nlohmann-json cli11 libomp                               test: catch2                           bench: google-benchmark openblas
  vcpkg  eigen3 nlohmann-json zlib cli11                                            test: catch2                           bench: benchmark openblas
END
exit 1
