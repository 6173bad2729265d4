"""What restoring a snapshot loses, said so that nobody takes it for less."""

from __future__ import annotations

from dataclasses import replace

from recovery.backups.model import Catalog, Integrity, Snapshot
from recovery.cluster.facts import ClusterFacts, MemberStatus
from recovery.snapshots.comparison import Change, Comparison, KeyChange
from screens.case import Case
from screens.loss_words import loss_sentence, loss_within, own_data_note
from tests.screens.canned import CannedIncident
from tests.screens.canned_cluster import NOW, canned_clock, canned_own_data, canned_snapshots


def case_with(*snapshots: Snapshot, member_revision: int | None = None) -> Case:
    incident = CannedIncident()
    incident.catalog = Catalog(snapshots)
    if member_revision is not None:
        status = MemberStatus("etcd-1", 1, 9, "3.5.16", 0, False, 1, member_revision, 4, 90)
        incident.facts = ClusterFacts(incident.cluster, NOW, {}, {}, {"etcd-1": status}, {})
    return Case(incident, clock=canned_clock)


def verified(revision: int, live_keys: int = 3000) -> Snapshot:
    return replace(
        canned_snapshots()[0],
        integrity=Integrity.VERIFIED,
        revision=revision,
        live_keys=live_keys,
    )


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_where_nothing_newer_was_found_everything_since_then_counts_as_lost() -> None:
    only = verified(182334)
    words = plain(loss_sentence(case_with(only), only))
    assert words == "Restoring it loses everything written in the last 14 h."


def test_revisions_that_a_member_has_beyond_the_backup_are_counted() -> None:
    backup = verified(182334)
    words = plain(loss_sentence(case_with(backup, member_revision=183538), backup))
    assert words == "Restoring it loses 14 h: 1 204 revisions since."


def test_a_member_that_holds_nothing_newer_says_so() -> None:
    backup = verified(182334)
    words = plain(loss_sentence(case_with(backup, member_revision=182334), backup))
    assert words == "etcd-1 holds nothing newer: restoring it loses nothing that is left."


def test_objects_are_told_where_somebody_compared() -> None:
    own = replace(canned_own_data(), integrity=Integrity.VERIFIED, revision=183538, live_keys=3000)
    backup = verified(182334)
    case = case_with(backup, own)
    keys = tuple(KeyChange(f"/registry/pods/a/{n}", Change.ADDED, "pods", "a") for n in range(4))
    changed = KeyChange("/registry/pods/a/x", Change.CHANGED, "pods", "a")
    case.comparisons[backup.name, own.name] = Comparison((*keys, changed), in_full=False)
    assert plain(loss_sentence(case, backup)) == (
        "Restoring it loses 14 h: 1 204 revisions since, 1 object changed, 4 created."
    )


def test_where_there_is_little_room_words_are_left_out_and_no_figure_is() -> None:
    own = replace(canned_own_data(), integrity=Integrity.VERIFIED, revision=183538, live_keys=3000)
    backup = verified(182334)
    case = case_with(backup, own)
    kinds = {Change.CHANGED: 3100, Change.ADDED: 1310, Change.REMOVED: 41}
    keys = tuple(
        KeyChange(f"/registry/pods/a/{change.value}-{n}", change, "pods", "a")
        for change, count in kinds.items()
        for n in range(count)
    )
    case.comparisons[backup.name, own.name] = Comparison(keys, in_full=True)
    words = plain(loss_within(case, backup, 76))
    assert words == "Loses 14 h: 1 204 revisions, 3 100 changed, 1 310 created, 41 deleted."
    assert loss_within(case, backup, 200) == loss_sentence(case, backup)


def test_a_member_that_began_anew_is_said_to_be_empty() -> None:
    own = replace(canned_own_data(), integrity=Integrity.VERIFIED, revision=900000, live_keys=12)
    backup = verified(182334)
    case = case_with(backup, own)
    assert plain(own_data_note(case, own)) == "12 keys only: it began anew"
    assert "Restoring it loses all the rest." in loss_sentence(case, own)
    assert "last 14 h" in plain(loss_sentence(case, backup))
