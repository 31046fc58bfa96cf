#!/usr/bin/env bash
# Submit a chain to SLURM: sample (an array that shares the work), then verify, then eval. Submitting takes a second.
#   recipes/slurm/submit.sh PROBLEMS POLICY FOLDER [options of whet sample]
# FOLDER is on a file system that all nodes share. Every step has a folder of its own in it (rollouts, verdicts, report):
# so all paths are known before the first job runs. A step that fails takes those after it out of the queue. Submit the
# same chain again: finished steps print what they made, an unfinished one goes on.
# Edit: the head of each .sbatch file here, or set SBATCH_PARTITION, SBATCH_ACCOUNT and WHET_ENV once in the shell.
set -euo pipefail
WHET_TASKS=${WHET_TASKS:-4} # size of the array

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0"; }
case ${1:-} in -h | --help) usage; exit 0 ;; esac
if [ $# -lt 3 ] || [[ $1 == -* || $2 == -* || $3 == -* ]]; then usage >&2; exit 2; fi
problems=$1 policy=$2 runs=$3
shift 3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$runs/slurm" # for the logs of the jobs: SLURM makes no folders

submit() { # NAME [options of sbatch] SCRIPT [arguments] -> the job's number
    local name=$1 job
    shift
    job=$(sbatch --parsable --kill-on-invalid-dep=yes --output="$runs/slurm/$name-%j.log" "$@")
    echo "job ${job%%;*}: $runs/$name" >&2
    echo "${job%%;*}"
}

sample=$(submit rollouts --array="0-$((WHET_TASKS - 1))" "$here/sample.sbatch" "$problems" "$policy" --out "$runs/rollouts" "$@")
verify=$(submit verdicts --dependency="afterok:$sample" "$here/verify.sbatch" "$runs/rollouts" --out "$runs/verdicts")
submit report --dependency="afterok:$verify" "$here/eval.sbatch" "$runs/rollouts" "$runs/verdicts" --out "$runs/report" >/dev/null
echo "$runs/report"
