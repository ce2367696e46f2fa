"""The ledger's faces: each translates a request, asks one query and shapes the reply."""
