"""Stages on a Slurm cluster: `launcher` submits and follows a job, `jobs` writes its script, `slurm` calls it."""
