"""Slurm's accounting: what sacct tells of jobs, and how many node-seconds that is by a rule."""
