"""The trial of a snapshot: restored into a scratch cluster on this machine, started, compared."""
