#!/usr/bin/env bash
# The one job template. @NAMES@ are filled in by src/stepwise/cluster/jobs.py; `python -m stepwise.cluster.launcher --dry-run STAGE` prints the result.
#SBATCH --job-name=stepwise-warm_up
#SBATCH --output=.work/slurm/warm_up-0123abcd/log
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
#SBATCH --gres=gpu:2
#SBATCH --partition=gpu
#SBATCH --account=lab
# USR1 comes five minutes before the time limit: stop the stage and queue the job again. TERM comes with preemption, after
# which Slurm itself queues the job again, and with scancel, after which nothing may. The stage resumes from its journal.
set -u
cd /project || exit 1
folder=.work/slurm/warm_up-0123abcd
rm -f "$folder/code"
export STEPWISE_JOB="$folder" DVC_STAGE=warm_up

stopped=
trap 'stopped=limit; kill -TERM "$stage" 2>/dev/null' USR1
trap 'stopped=slurm; kill -TERM "$stage" 2>/dev/null' TERM

python stages/warm_up.py --task 'two words' &
stage=$!
while wait "$stage"; code=$?; kill -0 "$stage" 2>/dev/null; do :; done

if [ "$code" -ne 0 ] && [ "$stopped" = slurm ]; then
  exit "$code"
fi
if [ "$code" -ne 0 ] && [ "$stopped" = limit ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 20 ]; then
  scontrol requeue "$SLURM_JOB_ID" && exit 0
fi

# `dvc repro` deletes a stage's outputs before it runs the stage again: hard links to the finished ones wait here.
if [ "$code" -eq 0 ]; then
  for out in 'models/a b'; do
    mkdir -p "$folder/outs/$(dirname "$out")" && cp -al -- "$out" "$folder/outs/$out"
  done
fi
echo "$code" > "$folder/code.part" && mv "$folder/code.part" "$folder/code"
exit "$code"
