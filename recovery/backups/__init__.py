"""Backups: the configuration, the records, the stores, and the catalog that joins them."""
