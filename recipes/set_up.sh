# shellcheck shell=bash
# Finds or makes the virtual environment of this checkout. Sourced, not run:
#   . recipes/set_up.sh [EXTRA ...]      (extras of pyproject.toml: test, dev)
# Uses the environment whose `whet` is on the path when it is this checkout's; else makes or reuses .venv.
# Set-up again is a no-op until pyproject.toml or recipes/constraints.txt change.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
# Two OpenMP threads beside a busy neighbour are several times slower than one.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

say() { printf '%s\n' "$*" >&2; }

is_this_checkout() { # the python that would run `whet` imports it from here, with what the extras need
    local modules=("$@") python
    command -v whet >/dev/null 2>&1 || return 1
    python=$(sed -n '1s/^#!//p' "$(command -v whet)")
    [ -x "${python%% *}" ] || return 1
    (cd / && "${python%% *}" - "$ROOT" "${modules[@]}" <<'PYTHON' >/dev/null 2>&1
import importlib.util, pathlib, sys
import whet.cli
root, modules = sys.argv[1], sys.argv[2:]
here = pathlib.Path(whet.cli.__file__).resolve().is_relative_to(pathlib.Path(root).resolve())
sys.exit(0 if here and all(importlib.util.find_spec(name) for name in modules) else 1)
PYTHON
    )
}

set_up() {
    local extras=("$@") modules=() spec stamp venv
    for extra in "${extras[@]}"; do
        case $extra in
        test) modules+=(pytest datasets) ;;
        dev) modules+=(pytest datasets ruff basedpyright) ;;
        esac
    done
    if is_this_checkout "${modules[@]}"; then
        say "set-up: using $(command -v whet)"
        return
    fi
    venv=${WHET_VENV:-$ROOT/.venv}
    spec=$ROOT$(printf '[%s]' "$(IFS=,; printf '%s' "${extras[*]}")")
    [ ${#extras[@]} -gt 0 ] || spec=$ROOT
    stamp=$venv/.whet-$(cat "$ROOT/pyproject.toml" "$ROOT/recipes/constraints.txt" | sha256sum | cut -c1-16)-$(IFS=-; printf '%s' "${extras[*]}")
    if [ ! -e "$stamp" ]; then
        local python=${PYTHON:-python3}
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "set-up: $python is older than Python 3.11: set PYTHON"; exit 2; }
        say "set-up: making $venv and installing whet with recipes/constraints.txt (a few minutes, once)"
        [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
        # torch first: a looser requirement would pull the CUDA build, several GB, where a CPU build is enough.
        "$venv/bin/python" -m pip install --quiet ${WHET_TORCH_INDEX:+--extra-index-url "$WHET_TORCH_INDEX"} -c "$ROOT/recipes/constraints.txt" torch setuptools
        "$venv/bin/python" -m pip install --quiet --no-build-isolation -c "$ROOT/recipes/constraints.txt" --editable "$spec"
        touch "$stamp"
    fi
    PATH=$venv/bin:$PATH
    export PATH VIRTUAL_ENV=$venv
    say "set-up: using $venv/bin/whet"
}

set_up "$@"
