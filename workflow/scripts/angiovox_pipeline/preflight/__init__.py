"""Checks before the first job: disk, SLURM, masks."""
