"""The words of the ledger as frozen values, and the sums over them. Imports nothing of ours, does no I/O."""
