"""The steps of a restore, one module a step, in the order of the plan."""
