"""A usage ledger for HPC centres: node-hours per user, per allocation, per month."""

__version__ = "0.1.0"
