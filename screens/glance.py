"""The cluster at a glance, and the chosen snapshot in three lines."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from recovery.backups.model import Catalog, Integrity, Snapshot
from recovery.backups.newest_state import revisions_since
from recovery.cluster.facts import ClusterFacts
from recovery.health.model import CheckStatus
from screens.case import Case
from screens.loss_words import loss_within
from screens.marks import HEADING, Mark, cell, line, spread, stacked
from screens.snapshot_facts import fact_pairs, pair_line, title_of
from screens.trial_text import rehearsed_words
from screens.widgets.node_summary import node_words
from screens.wording import (
    age,
    clipped,
    cut,
    folded,
    moment,
    plural,
    schedule,
    sentence,
    size,
    span,
    thousands,
)


def configured_places(case: Case) -> list[str]:
    """Where snapshots are looked for, in words."""
    spec = case.incident.cluster.backup
    local = spec.local.path if spec and spec.local else "/cpaas/backup and /cpaas"
    places = [f"{name}:{local}" for name in case.node_names]
    if spec and spec.s3:
        places.append(f"s3://{spec.s3.bucket}/{spec.s3.dir}".rstrip("/"))
    return places


def heading_words(case: Case, catalog: Catalog) -> Content:
    """`newest verified 14 h · daily 00:00`."""
    best = case.newest_verified(catalog)
    spec = case.incident.cluster.backup
    parts = []
    if best is not None:
        old = "is dated ahead" if best.ahead else age(best.taken_at, case.clock())
        parts.append(f"newest verified {old}")
    drifted = drift_words(case, catalog)
    if spec is not None and not drifted:
        parts.append("backups paused" if spec.paused else schedule(spec.schedule))
    words = Content.styled(" · ".join(parts), "$muted")
    if not drifted:
        return words
    return line(words, (" · " if parts else "", "$muted"), Mark.WARNING.say(drifted))


def drift_words(case: Case, catalog: Catalog) -> str:
    """`backups: 2 warnings, b`; nothing while places are listed, or where all is as promised."""
    backups = case.incident.backups
    if backups.seen is None or not backups.promised:
        return ""
    checks = backups.drift(catalog, case.clock())
    grave = [one for one in checks if one.status in (CheckStatus.WARNING, CheckStatus.FAILED)]
    return f"backups: {plural(len(grave), 'warning')}, b" if grave else ""


class SnapshotSummary(Widget):
    """Three lines on the chosen snapshot: what it is, what restoring it means, what comes next."""

    def __init__(self, case: Case) -> None:
        super().__init__(id="snapshot-summary")
        self.case = case
        self.snapshot: Snapshot | None = None

    def show_snapshot(self, snapshot: Snapshot | None) -> None:
        """Show this one."""
        self.snapshot = snapshot
        self.refresh()

    def render(self) -> Content:
        """The lines."""
        if self.snapshot is None:
            return Content("")
        width = self.size.width
        more = self._more(self.snapshot, width) if self.size.height > 3 else []
        return stacked(
            [
                cell(line(" ", self._what(self.snapshot)), width),
                cell(line(" ", self._meaning(self.snapshot)), width),
                spread(
                    line(" ", self._standing(self.snapshot)),
                    self._next(self.snapshot),
                    width,
                ),
                *more,
            ]
        )

    def _more(self, snapshot: Snapshot, width: int) -> list[Content]:
        """On tall and wide terminals: the facts, and every copy."""
        pairs = fact_pairs(self.case, snapshot, self.case.judged.get(snapshot.name))
        rows = [Content("")]
        for index in range(0, len(pairs), 2):
            parts = [pair_line(word, text, 52) for word, text in pairs[index : index + 2]]
            rows.append(line(" ", *parts))
        files = (snapshot, *self.case.siblings(snapshot))
        for number, copy in enumerate(copy for file in files for copy in file.copies):
            label = Content.styled("" if number else "copies", "$muted")
            rows.append(line(" ", cell(label, 10), cut(copy.location, width - 13)))
        return rows

    def _what(self, snapshot: Snapshot) -> Content:
        judged = self.case.judged.get(snapshot.name)
        contents = judged.verdict.contents if judged else None
        if contents is None:
            return line((cut(title_of(snapshot), max(20, self.size.width - 2)), "bold"))
        version = f" · etcd {contents.cluster_version}" if contents.cluster_version else ""
        taken = moment(snapshot.taken_at) if snapshot.taken_at else cut(title_of(snapshot), 30)
        return line(
            (taken, "bold"),
            f" · revision {thousands(contents.revision)}{version}"
            f" · {thousands(contents.live_keys)} objects",
        )

    def _meaning(self, snapshot: Snapshot) -> Content:
        if snapshot.trouble is not None:
            if snapshot.usable:
                return Mark.WARNING.beside(sentence(snapshot.trouble))
            return line(("Cannot be used: ", "$error"), snapshot.trouble)
        if self.case.integrity(snapshot) is Integrity.CORRUPT:
            judged = self.case.judged.get(snapshot.name)
            reason = (judged.verdict.reason if judged else None) or "its contents are corrupt"
            return line(("Cannot be used: ", "$error"), reason)
        error = self.case.failures.get(snapshot.name)
        if error is not None:
            return line(("Not fetched: ", "$error"), error.what)
        if snapshot.note and snapshot.member is None:
            return Mark.WARNING.beside(sentence(snapshot.note))
        return Content(loss_within(self.case, snapshot, self.size.width - 2))

    def _standing(self, snapshot: Snapshot) -> Content:
        best = self.case.newest_verified(self.case.incident.catalog)
        integrity = self.case.integrity(snapshot)
        if not snapshot.usable or snapshot.strange or integrity is Integrity.CORRUPT:
            return Content.styled("Choose another one.", "$muted")
        if best is not None and best.name == snapshot.name:
            newer = self._newer_member()
            if newer:
                return Content(f"Newest that verifies; {newer}'s data is newer.")
            trial = self.case.trial(snapshot)
            words = rehearsed_words(trial, self.case.clock()) if trial is not None else ""
            tried = f", and {words}" if words else ""
            return Content(f"It is the newest that verifies{tried}.")
        if snapshot.name in self.case.moving:
            return Content("It is being verified.")
        if snapshot.member is not None:
            return self._own_data(snapshot)
        if integrity is Integrity.UNVERIFIED:
            return Content("It has not been verified yet.")
        if integrity is Integrity.NO_HASH:
            return Content("It carries no hash to compare with.")
        return Content("It verifies, and there is a newer one that does.")

    def _newer_member(self) -> str:
        """The member whose own data is sound and the newest state that is left; or nothing."""
        newest = self.case.newest
        if newest is None or newest.member is None or newest.snapshot is None:
            return ""
        sound = self.case.integrity(newest.snapshot) in (Integrity.VERIFIED, Integrity.NO_HASH)
        best = self.case.newest_verified(self.case.incident.catalog)
        ahead = best is None or revisions_since(best, newest)
        return newest.member if sound and ahead else ""

    def _own_data(self, snapshot: Snapshot) -> Content:
        newest = self.case.newest
        if newest is not None and newest.member == snapshot.member:
            return Content("No backup: the newest state that is left.")
        return Content("No backup: what this member still holds.")

    def _next(self, snapshot: Snapshot) -> Content:
        if not snapshot.usable or self.case.integrity(snapshot) is Integrity.CORRUPT:
            return Content("")
        if snapshot.strange is not None:
            return Content.styled("▸ Enter: look closer ", "$accent")
        return Content.styled("▸ Enter: look closer, restore ", "$accent")


MOST_NODES_IN_FULL = 5
"""Of more control-plane nodes each has one line."""


class GlancePanel(Widget):
    """Nodes, members and backup configuration, for wide terminals."""

    def __init__(self, case: Case) -> None:
        super().__init__(id="glance")
        self.case = case

    def render(self) -> Content:
        """The three parts, one under the other."""
        lines = [Content.styled("NODES", HEADING)]
        nodes = self.case.node_names
        width = self.size.width - 1 if len(nodes) > MOST_NODES_IN_FULL else None
        lines += [line(" ", node_words(self.case, node, width)) for node in nodes]
        workers = self.case.incident.cluster.workers
        if workers:
            names = ", ".join(node.name for node in workers)
            lines.append(line(" ", (f"workers: {cut(names, 26)}", "$muted")))
        diagnosis = self.case.incident.diagnosis
        facts = self.case.incident.facts
        if facts is not None:
            lines += [Content(""), Content.styled("DIAGNOSIS", HEADING)]
            lines += [line(" ", text) for text in folded(diagnosis.sentence, self.size.width - 2)]
            lines += [
                line(" ", (text, "$muted"))
                for text in folded(diagnosis.advice, self.size.width - 2)
            ]
            lines += [
                Content(""),
                Content.styled("MEMBERS", HEADING),
                *_members(facts, self.size.width),
            ]
        lines += [Content(""), Content.styled("BACKUPS", HEADING), *self._backups()]
        return stacked(lines)

    def _backups(self) -> list[Content]:
        spec = self.case.incident.cluster.backup
        if spec is None:
            return [line(" ", ("no configuration known", "$muted"))]
        width = self.size.width - 12
        pairs = [("schedule", "paused" if spec.paused else schedule(spec.schedule))]
        if spec.local:
            pairs.append(("on nodes", cut(spec.local.path, width)))
            if spec.local.ttl_seconds:
                pairs.append(("kept", span(spec.local.ttl_seconds)))
        if spec.s3:
            pairs.append(("S3", cut(spec.s3.endpoint, width)))
            pairs.append(("bucket", cut(f"{spec.s3.bucket}/{spec.s3.dir}".rstrip("/"), width)))
        return [line(" ", cell(Content.styled(word, "$muted"), 10), text) for word, text in pairs]


def _members(facts: ClusterFacts, width: int) -> list[Content]:
    lines = []
    for node in facts.cluster.control_plane:
        member = facts.members.get(node.name)
        if member is None:
            why = facts.silent.get(node.name, "not asked")
            lines.append(
                line(" ", cell(cut(node.name, 9), 10), (clipped(why, width - 12), "$muted"))
            )
            continue
        role = "leader" if member.is_leader else "follower" if member.leader_id else "no leader"
        lines.append(
            line(
                " ",
                cell(cut(node.name, 9), 10),
                f"{member.version}  {size(member.database_size)}  {role}",
            )
        )
    return lines
