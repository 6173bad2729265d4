"""The document of `rehearse -o json`."""

from __future__ import annotations

from recovery.rehearsal.trial.model import TrialReport


def trial_document(cluster: str, report: TrialReport) -> dict[str, object]:
    """Keys in camelCase, times in seconds; `cluster` is the name of the cluster under care."""
    return {
        "cluster": cluster,
        "snapshot": report.snapshot,
        "location": report.location,
        "passed": report.passed,
        "sentence": report.sentence,
        "etcdVersion": str(report.etcd_version),
        "etcdFrom": report.etcd_from,
        "members": report.members,
        "liveKeys": report.keys,
        "revision": report.revision,
        "hashKv": report.hash_kv,
        "servingAfter": round(report.serving_after, 3),
        "seconds": round(report.seconds, 3),
        "stages": [
            {
                "stage": stage.stage.value,
                "state": stage.state.value,
                "seconds": round(stage.seconds, 3),
                "words": stage.words,
            }
            for stage in report.stages
        ],
        "checks": [
            {
                "name": check.name,
                "scope": check.scope,
                "status": check.status.value,
                "message": check.message,
            }
            for check in report.checks
        ],
        "log": report.log,
    }
