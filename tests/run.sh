#!/usr/bin/env bash
# Run the tests, from any folder: makes or reuses an environment, then calls pytest.
#   tests/run.sh                 the quick suite (under 5 minutes)
#   tests/run.sh --all           everything: also the slow real-component tests and the recipes
#   tests/run.sh -k verify -x    further arguments go to pytest
set -euo pipefail
case ${1:-} in
-h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
--all) shift; selection=() ;;
*) selection=(-m "not slow") ;;
esac
# shellcheck source=recipes/set_up.sh
. "$(dirname "${BASH_SOURCE[0]}")/../recipes/set_up.sh" test
cd "$ROOT"
exec python -m pytest "${selection[@]}" "$@"
