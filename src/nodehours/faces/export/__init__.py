"""The usage listing as files: CSV, NDJSON, Parquet and XLSX, written as it is read."""
