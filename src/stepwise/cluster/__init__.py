"""Where a stage runs: `launcher` takes it here or submits it as a Slurm job, `slurm` knows Slurm's commands."""
