"""One run of one source into the ledger: what was posted, what was refused, and the verdict."""
