#!/bin/sh
# One step of setting up .venv, called by the Makefile: setup.sh venv | torch | system | native
# Reads PYTHON, TORCH, CUDA and SETUP_VENV (another folder than .venv) from the environment; each
# may be empty.
set -eu
cd "$(dirname "$0")/.."
VENV=${SETUP_VENV:-.venv}
VENV_PYTHON=$VENV/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1 DEBIAN_FRONTEND=noninteractive

say() { echo "$*"; }
fail() { echo "$*" >&2; exit 1; }

# Installs Debian packages, or says how to and returns 1. A password is asked for only by
# sudo itself, on a terminal, after the command was shown.
apt_install() {
    if [ "$(id -u)" = 0 ]; then root=
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then root=sudo
    else say "Missing system packages. As an administrator: apt-get install $*"; return 1; fi
    say "Installing system packages:${root:+ $root} apt-get install $*"
    # A fresh machine may have no package lists yet.
    $root apt-get install -y -qq "$@" >/dev/null 2>&1 || {
        $root apt-get update -qq && $root apt-get install -y -qq "$@" >/dev/null
    }
}

# A name may exist and not run (the stand-ins of a version manager do), so each is tried.
runs() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python}; do
        if runs "$name"; then echo "$name"; return; fi
    done
    if [ -n "${PYTHON:-}" ]; then fail "PYTHON=$PYTHON is no Python 3.10 to 3.13 that runs."; fi
    if [ "$(uname -s)" = Darwin ]; then hint="brew install python@3.12"
    else hint="sudo apt-get install python3 python3-venv"; fi
    fail "torchbend needs Python 3.10 to 3.13, and none was found. Install one ($hint)," \
        "or name it: make PYTHON=/path/to/python3.12 ..."
}

make_venv() {
    if [ -x $VENV_PYTHON ] && runs $VENV_PYTHON; then return; fi
    python=$(find_python)
    say "Creating $VENV with $("$python" --version)."
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && command -v apt-get >/dev/null; then
        apt_install "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" \
            python3-venv
    fi
    "$python" -m venv --clear "$VENV"
    $VENV_PYTHON -m pip install --quiet --upgrade pip
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; }

# True where pip, left alone, would bring NVIDIA's libraries along with torch.
pip_takes_cuda() {
    $VENV_PYTHON -m pip install --quiet --dry-run --report "$VENV/plan.json" "$1"
    grep -Eq '"name": *"(nvidia|cuda)-' "$VENV/plan.json"
}

install_torch() {
    torch=${TORCH:-$(sed -n '/^torch==/p' constraints.txt)}
    cuda=${CUDA:-$(has_gpu && echo 1 || echo 0)}
    if [ "$cuda" = 1 ] || ! pip_takes_cuda "$torch"; then
        say "Installing $torch."
        $VENV_PYTHON -m pip install --quiet "$torch"
    else
        # The CPU build is not where pip looks by default; uv knows where it is.
        say "Installing $torch, the CPU build: no NVIDIA GPU was found."
        $VENV_PYTHON -m pip install --quiet uv
        "$VENV/bin/uv" pip install --quiet --python $VENV_PYTHON --torch-backend cpu "$torch" ||
            fail "The CPU build of $torch could not be fetched, and pip alone would install" \
                "several GB of CUDA libraries. Tell pip where a CPU build is" \
                "(PIP_FIND_LINKS=/folder/of/wheels, or PIP_EXTRA_INDEX_URL as pytorch.org says" \
                "under Get Started, CPU), or take the CUDA build: make CUDA=1 ..."
    fi
    version=$($VENV_PYTHON -W ignore -c 'import torch; print(torch.__version__)') ||
        fail "torch was installed and does not import."
    say "torch $version is in $VENV."
    # From here on, nothing may exchange this torch for another.
    sed "s/^torch==.*/torch==$version/" constraints.txt >"$VENV/constraints.txt"
}

# What live sound wants of the system. sounddevice's wheels bring PortAudio along everywhere but
# on Linux; the audio callback is compiled where that can be done, so that comes first.
system_packages() {
    compiler_packages
    if [ "$(uname -s)" != Linux ]; then return; fi
    if $VENV_PYTHON -c 'import ctypes.util, sys
sys.exit(ctypes.util.find_library("portaudio") is None)'; then return; fi
    if command -v apt-get >/dev/null && apt_install libportaudio2; then return; fi
    say "PortAudio is missing (libportaudio2). Everything but live sound works without it."
}

compiler_packages() {
    missing=
    command -v cc >/dev/null || missing="gcc libc6-dev"
    headers=$($VENV_PYTHON -c 'import os, sys, sysconfig
if not os.path.exists(sysconfig.get_path("include") + "/Python.h"):
    print("python%d.%d-dev" % sys.version_info[:2])')
    missing="$missing${headers:+ $headers}"
    if [ -z "$missing" ]; then return; fi
    # shellcheck disable=SC2086 # one word for each package
    if command -v apt-get >/dev/null && apt_install $missing; then return; fi
    say "There is no C compiler for Python modules (Debian: $missing; macOS: xcode-select" \
        "--install). Live sound works without, a little less safe against gaps."
}

# What `make native` builds with, the Pd that its external runs in, and the sound server that the
# tests of live sound start. Nothing else needs them.
native_packages() {
    missing=
    command -v cmake >/dev/null || missing="$missing cmake"
    command -v c++ >/dev/null || missing="$missing g++"
    if [ "$(uname -s)" = Darwin ]; then
        if ! ls -d /Applications/Pd*.app >/dev/null 2>&1; then missing="$missing pd"; fi
        if [ -z "$missing" ]; then return; fi
        fail "The C++ host needs:$missing. Install them and try again: xcode-select --install" \
            "(the compiler and make); brew install cmake; brew install --cask pd"
    fi
    command -v pd >/dev/null || missing="$missing puredata-core"
    command -v jackd >/dev/null || missing="$missing jackd2"
    if ! [ -e /usr/include/m_pd.h ] && ! [ -e /usr/include/pd/m_pd.h ] &&
        ! [ -e /usr/local/include/m_pd.h ] && ! [ -e /usr/local/include/pd/m_pd.h ]; then
        missing="$missing puredata-dev"
    fi
    if [ -z "$missing" ]; then return; fi
    # shellcheck disable=SC2086 # one word for each package
    if command -v apt-get >/dev/null && apt_install $missing; then return; fi
    fail "The C++ host and its tests need:$missing (the names are Debian's). Install them and" \
        "try again. make demo does without."
}

case "${1:-}" in
    venv) make_venv ;;
    torch) install_torch ;;
    system) system_packages ;;
    native) native_packages ;;
    *) fail "usage: setup.sh venv | torch | system | native" ;;
esac
