"""The incident report: what a run's record tells, for somebody who was not there."""
