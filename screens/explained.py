"""What `?` says of each screen: what it is for, and what its marks mean."""

from __future__ import annotations

from dataclasses import dataclass

from screens.marks import Mark

Marks = tuple[tuple[Mark | None, str, str], ...]
"""A mark where there is one, the words beside it, and what they mean on that screen."""


@dataclass(frozen=True, slots=True)
class Help:
    """A screen in words."""

    text: str
    marks: Marks = ()


CLUSTERS = Help(
    (
        "The clusters of the inventory, all asked at once: their diagnosis as the nodes answer, "
        "and the newest backup that is known to be good, with its age. v verifies the newest one "
        "of the chosen cluster. Below stands what is wrong and what to do. Nothing on this screen "
        "changes a cluster."
    ),
    (
        (Mark.OK, "HEALTHY", "every member answers and has a leader"),
        (Mark.WARNING, "DEGRADED", "a majority lives: do not restore, repair the others"),
        (Mark.FAILED, "QUORUM LOST", "etcd takes no writes"),
        (Mark.FAILED, "UNREACHABLE", "no node answers: nobody knows"),
        (Mark.RUNNING, "LOOKING", "the nodes are still being asked"),
        (Mark.OK, "14 h ago", "the newest backup whose contents match its hash was taken then"),
        (Mark.WAITING, "14 h, not verified", "no backup is known to be good yet; v reads this one"),
        (Mark.FAILED, "no backup found", "neither on the nodes nor in S3"),
        (Mark.WARNING, "no place could be listed", "neither a node nor S3 answers: nobody knows"),
    ),
)

SNAPSHOTS = Help(
    (
        "Every backup that was found on the nodes and in S3, newest first. The newest few are "
        "read and verified on their own, on their node if it has python3; the newest one that "
        "verifies is chosen. While the cluster has no quorum, what members still hold in their "
        "data directories stands above the backups: no backup, but it may lose less. esc stops "
        "what is being read. Nothing on this screen changes the cluster."
    ),
    (
        (Mark.OK, "verified", "its contents match the hash inside the file"),
        (Mark.WARNING, "no hash", "it never carried one; page by page it is sound"),
        (Mark.WAITING, "not verified", "nobody has read it yet; v reads it now"),
        (Mark.WAITING, "running", "a member's own data, which a running etcd writes to"),
        (Mark.RUNNING, "62 %", "it is being fetched or read"),
        (Mark.FAILED, "corrupt", "it must not be restored; below stands why"),
        (Mark.FAILED, "unusable", "it cannot be read as a snapshot; below stands why"),
        (Mark.FAILED, "not fetched", "no copy could be brought here; enter shows the error"),
        (Mark.SKIPPED, "no file", "there is a record of it and no file"),
        (None, "1 2 · S3", "the nodes that have a copy, and S3; a dot where there is none"),
        (None, "Record", "what the cluster's backup configuration says about it"),
    ),
)

SNAPSHOT = Help(
    (
        "What this snapshot holds. A node with python3 reads its own copy where it lies; any other "
        "copy is fetched to this machine and unpacked. Its contents are compared with the hash "
        "that etcd wrote at their end. Resources and namespaces are counted as they stood at the "
        "snapshot's revision. While it is being read, esc stops that.\n\n"
        "Nothing on this screen changes the cluster. Enter goes on to the preflight."
    ),
    (
        (Mark.OK, "verified", "its contents match the hash at their end"),
        (Mark.WARNING, "no hash", "it never carried one; page by page it is sound"),
        (Mark.RUNNING, "62 %", "it is being fetched or read; esc stops that"),
        (Mark.FAILED, "corrupt", "it must not be restored"),
        (None, "████", "its share of the largest count in the list"),
        (None, "…", "not known before it is read"),
    ),
)

SNAPSHOT_KEYS = Help(
    (
        "Every key that was alive at the snapshot's revision, to see whether an object is in it. "
        "Type a part of its name, its namespace or its resource: the list narrows with every "
        "letter. The file is fetched to this machine for it; values are not looked at.\n\n"
        "f keeps to the chosen key's resource, n to its namespace. Nothing on this screen changes "
        "the cluster."
    ),
    (
        (None, "Revision", "of the key's last change, on wide terminals"),
        (None, "–", "an object that lies in no namespace"),
        (Mark.RUNNING, "reading", "the file is being fetched, verified or read; esc stops that"),
    ),
)

COMPARISON = Help(
    (
        "What changed from the older snapshot to the newer one, key by key: what restoring the "
        "older one would lose (+ added since), take back to an earlier state (~ changed since), "
        "and bring back (- removed since).\n\n"
        "The same differences are counted by resource and by namespace; enter on one of them "
        "narrows the keys to it, esc widens them again. Nothing on this screen changes the cluster."
    ),
    (
        (None, "+ added", "created since the older one: restoring that loses it"),
        (None, "~ changed", "restoring the older one takes it back to its earlier state"),
        (None, "- removed", "deleted since: restoring the older one brings it back"),
        (None, "████", "its share of all that differs"),
        (None, "·", "none"),
    ),
)

TRIAL = Help(
    (
        "A rehearsal of the restore on this machine, with real etcd: the snapshot is restored "
        "into three scratch members, they are started, and what they hold is compared with what "
        "the snapshot's file holds, key by key. Nothing is changed on any node; where this machine "
        "has no fitting etcd, its programs are copied from one.\n\n"
        "It serves when every member answers and holds the same. Choose a check to read what it "
        "proves. esc ends a rehearsal under way and removes what it has made."
    ),
    (
        (Mark.OK, "", "a stage that is done, a check that holds"),
        (Mark.RUNNING, "", "under way"),
        (Mark.WAITING, "not yet", "not begun"),
        (Mark.FAILED, "", "it failed: the snapshot is not to be relied on, or nothing was proven"),
        (Mark.SKIPPED, "", "left out, because of what failed before"),
    ),
)

PREFLIGHT = Help(
    (
        "Every node is looked at again, and what a restore needs is checked: access, space, tools, "
        "clocks, manifests, and whether the snapshot belongs to this cluster.\n\n"
        "A failed check blocks. Warnings need your acknowledgement: read them, press w, go on. "
        "Where the cluster is not lost, or the snapshot may not be its own, you are asked again. "
        "Nothing on this screen changes the cluster."
    ),
    (
        (Mark.OK, "ok", "as a restore needs it"),
        (Mark.WARNING, "warning", "a restore is possible; read it, then press w"),
        (Mark.FAILED, "failed", "no restore before this is put right; the remedy stands below"),
        (Mark.SKIPPED, "skipped", "it could not be asked, or does not matter here"),
        (Mark.RUNNING, "checking", "more answers are still to come"),
    ),
)

PLAN = Help(
    (
        "Nothing has been changed yet: this is what the restore would do, step by step. "
        "Open a step with → to see its actions, an action to see its nodes; the script below or "
        "beside is exactly what runs there. doc 3 means: this is step 3 of the documented "
        "procedure.\n\n"
        "Enter begins. The run asks before it writes anything to a node, and again, with the "
        "cluster's name, before the API goes down."
    ),
    (
        (None, "READ", "looks only; it never asks"),
        (None, "CHANGE", "can be undone; asks for one key"),
        (None, "DANGER", "the API goes down, or data is replaced; asks for the cluster's name"),
        (None, "▸ ▾", "a step or an action that can be opened, or is open"),
        (None, "doc 3", "step 3 of the procedure as it is documented"),
        (Mark.WARNING, "…", "what the plan warns of"),
    ),
)

RESTORE = Help(
    (
        "The run goes on by itself and asks where it must. Each pane is one node.\n\n"
        "Pause holds before the next action; what runs on a node is never cut off in the middle. "
        "Stopping leaves the cluster as the line above the keys says. The full output is in the "
        "run's directory on this machine (l)."
    ),
    (
        (Mark.OK, "", "done"),
        (Mark.RUNNING, "", "under way"),
        (Mark.WAITING, "", "not begun yet"),
        (Mark.FAILED, "", "failed; the run waits for your answer"),
        (Mark.SKIPPED, "", "skipped, with the reason in the journal"),
        (Mark.WARNING, "", "stopped, or some nodes were left for later"),
        (None, "$", "a command, as it runs on the node"),
        (None, "!", "what it wrote to its error output"),
        (None, "·", "a note by etcd-rescue"),
    ),
)

HEALTH = Help(
    (
        "Every member is asked directly, and then the Kubernetes side. RECOVERED appears only "
        "after a restore, when every check holds: all members answer, hold the same data at the "
        "same revision, a write went through, and the API servers are ready.\n\n"
        "Outside a restore everything is checked again every half minute while the screen is "
        "open; p holds that. Choose a line to read what it means and what to do."
    ),
    (
        (Mark.OK, "", "it holds"),
        (Mark.WARNING, "", "it holds, and there is something to know or to do"),
        (Mark.FAILED, "", "it does not hold; what it means and the remedy stand beside or below"),
        (Mark.SKIPPED, "", "it could not be asked; that is not a yes"),
        (Mark.WAITING, "not yet", "no answer so far"),
        (Mark.RUNNING, "WAITING", "checked again and again until it holds"),
    ),
)

RUNS = Help(
    (
        "Every restore of this cluster that was begun, newest first: from this machine, and, where "
        "the nodes answer, from any other. Below stands how far the chosen one came.\n\n"
        "Resume goes on where a run was left, and brings in nodes that were left out. Roll back "
        "puts the old data and configuration in place again; it works until clean-up. Clean up "
        "deletes what a run has kept on the nodes; it is refused until the cluster is proven "
        "healthy. Each asks before it changes anything.\n\n"
        "The report tells the whole story to somebody who was not there: read it with p, write "
        "it to a file with e. As a web page it lies beside the run's journal. A note of yours, "
        "such as the cause, is added with n."
    ),
    (
        (Mark.OK, "succeeded", "every step is done"),
        (Mark.WARNING, "interrupted", "left in the middle: resume it or roll it back"),
        (Mark.FAILED, "failed", "an action failed and the run was stopped"),
        (Mark.SKIPPED, "rolled back", "the old data and configuration are in place again"),
        (Mark.RUNNING, "under way", "somebody is at it now"),
        (None, "cleaned", "what it kept was deleted: it cannot be rolled back any more"),
        (None, "● ◐ ○ ✖ –", "of a step: done, begun, not begun, failed, skipped"),
    ),
)

OTHER_RUN = Help(
    (
        "Somebody else works on this cluster. This is their run's journal, as it is copied to the "
        "nodes; it is read again every two seconds. Nothing on this screen changes anything."
    ),
)

BACKUP = Help(
    (
        "The cluster's EtcdBackupConfiguration, read through a control-plane node, or as it was "
        "last seen while no API server answers. Enter changes a field; what is changed is marked "
        "and nothing is written before w shows the difference and you agree. If somebody else "
        "changed it meanwhile, nothing is written.\n\n"
        "s sets S3 up: the place, the keys (typed without echo, kept only in the cluster's "
        "secret), a trial with those very keys, the difference, a backup to see it arrive. "
        "t tries the bucket as it is configured.\n\n"
        "Below, every record is joined with the files that really exist."
    ),
    (
        (Mark.WARNING, "(was …)", "a field that was changed here and is not written yet"),
        (Mark.WARNING, "…", "what has drifted from what is configured"),
        (Mark.FAILED, "failed", "a backup that failed, or a bucket or secret that does not work"),
        (Mark.SKIPPED, "…", "what could not be asked"),
        (Mark.OK, "…", "backups are as they are configured"),
        (None, "1 2 · S3", "the nodes that have the file, and S3; a dot where it is missing"),
    ),
)

FIRST_RUN = Help(
    (
        "Makes an inventory: the file that says which nodes a cluster has and how to log in to "
        "them. One control-plane node is asked who the others are (its API server, its etcd "
        "member, its manifests, its backups); then each is logged in to, as ssh would: with "
        "~/.ssh/config, the agent and known_hosts. A host key that is not known is shown, to be "
        "compared and accepted; a changed one is refused. Nothing is changed on any node, and "
        "nothing is written here before you say so."
    ),
    (
        (Mark.OK, "answers", "it can be logged in to"),
        (Mark.RUNNING, "asking …", "it is being asked"),
        (Mark.FAILED, "…", "it cannot be logged in to yet; below stands what to do"),
        (Mark.WARNING, "…", "something that was found and is to be known"),
    ),
)
