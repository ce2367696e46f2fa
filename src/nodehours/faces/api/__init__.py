"""The REST API, as clients of Waldur know it."""
