"""The restore: plan, steps, the run that executes a plan, its journal."""
