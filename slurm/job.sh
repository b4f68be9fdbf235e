#!/usr/bin/env bash
# The one job template. @NAMES@ are filled in by src/stepwise/cluster/jobs.py; `python -m stepwise.cluster.launcher --dry-run STAGE` prints the result.
#SBATCH --job-name=@NAME@
#SBATCH --output=@FOLDER@/log
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=@CPUS@
#SBATCH --mem=@MEMORY@
#SBATCH --time=@TIME@
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
@OPTIONS@
# USR1 comes five minutes before the time limit: stop the stage and queue the job again. TERM comes with preemption, after
# which Slurm itself queues the job again, and with scancel, after which nothing may. The stage resumes from its journal.
set -u
cd @ROOT@ || exit 1
folder=@FOLDER@
rm -f "$folder/code"
export STEPWISE_JOB="$folder" DVC_STAGE=@STAGE@

stopped=
trap 'stopped=limit; kill -TERM "$stage" 2>/dev/null' USR1
trap 'stopped=slurm; kill -TERM "$stage" 2>/dev/null' TERM

@COMMAND@ &
stage=$!
while wait "$stage"; code=$?; kill -0 "$stage" 2>/dev/null; do :; done

if [ "$code" -ne 0 ] && [ "$stopped" = slurm ]; then
  exit "$code"
fi
if [ "$code" -ne 0 ] && [ "$stopped" = limit ] && [ "${SLURM_RESTART_COUNT:-0}" -lt @RESTARTS@ ]; then
  scontrol requeue "$SLURM_JOB_ID" && exit 0
fi

# `dvc repro` deletes a stage's outputs before it runs the stage again: hard links to the finished ones wait here.
if [ "$code" -eq 0 ]; then
  for out in @OUTS@; do
    mkdir -p "$folder/outs/$(dirname "$out")" && cp -al -- "$out" "$folder/outs/$out"
  done
fi
echo "$code" > "$folder/code.part" && mv "$folder/code.part" "$folder/code"
exit "$code"
