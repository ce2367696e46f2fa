"""The dashboard: server-rendered pages over the ledger, each within the reader's scope."""
