"""The checks before and after a restore, and what they prove."""
