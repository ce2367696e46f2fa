"""Mail about projects: a report once a fortnight at most, and word of each threshold of a limit once."""
