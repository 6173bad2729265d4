"""Step 8: start kubelet, see etcd form, then the control plane."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.by_hand import ask_member
from recovery.restore.ground import NodeGround
from recovery.restore.listening import WHO_LISTENS, listening_patterns
from recovery.restore.plan import Action, NodeWork, Risk, Step, Watch
from recovery.restore.script import node_script
from recovery.restore.steps.s04_stop import (
    CONTROL_PLANE,
    ETCD_GRACE,
    KUBELET_ACTIVE,
    NONE_LEFT,
    REMOVE_CONTAINERS,
    START_KUBELET,
)
from recovery.restore.steps.s07_place import IN_PLACE, placing

_START = (
    """
# A member without data must not start: it would wait for, or make, an empty cluster.
[ -s "$MEMBER/snap/db" ] || stop "$MEMBER/snap/db is missing, kubelet stays stopped"
ls "$MEMBER"/wal/*.wal >/dev/null || stop "$MEMBER/wal holds no log, kubelet stays stopped"
# Old data that was left in place would be another cluster's.
if [ ! -e "$PLACED" ] || [ -e "$RESTORED/member" ]; then
  stop "$MEMBER is not the restored one, kubelet stays stopped"
fi
: > "$STARTED"
on_disk "$STARTED" "${STARTED%/*}"
"""
    + START_KUBELET
)

_SEE_IT_SERVE = """
# It opens $URLS last of all, when it has begun to answer the others. Where that takes long, or
# needs them, it comes up together with them.
@WHO_LISTENS@
TRIES=0
until taken || [ "$TRIES" -ge "$MOST_TRIES" ]; do
  sleep 0.2
  TRIES=$((TRIES + 1))
done
if taken; then echo "etcd answers the other members"; fi
"""

_STOP_AGAIN = (
    """
if [ ! -d "$ASIDE" ] || [ -e "$BACK" ]; then
  echo "no data was moved on this node, or it is back already"
  exit 0
fi
run systemctl stop kubelet
"""
    + REMOVE_CONTAINERS
)

_STOPPED_AGAIN = (
    """
if [ ! -d "$ASIDE" ] || [ -e "$BACK" ]; then exit 0; fi
case $(systemctl is-active kubelet || true) in
  inactive | failed | unknown) ;;
  *) exit 1 ;;
esac
"""
    + NONE_LEFT
)


_FORMED = """
# Where a majority follows one leader, this read succeeds.
TRIES=0
until ask endpoint health; do
  TRIES=$((TRIES + 1))
  [ "$TRIES" -lt "$MOST_TRIES" ] || stop "etcd does not form: look at its log, crictl logs"
  sleep 5
done
"""

_READY = """
TRIES=0
until kubectl --kubeconfig "$KUBECONFIG" get --raw /readyz; do
  TRIES=$((TRIES + 1))
  [ "$TRIES" -lt "$MOST_TRIES" ] || stop "the API server is not ready: look at its log"
  sleep 5
done
"""

SECONDS_TO_FORM = 300.0
_MOST_TRIES = str(int(SECONDS_TO_FORM / 5))

PATIENCE_SECONDS = 7
"""For which etcd waits for another member's hash before it starts (`ReqTimeout`, with kubeadm's
election time-out). Members that start together all wait so, once for each of the others, as none
answers before it has asked (embed/etcd.go, `StartEtcd`). One that is not there at all is passed
over, so a member that starts after the one before it has come up waits for nobody. To wait longer
than this for one member would gain nothing."""

_SPARE_SECONDS = 3.0
"""For the connection and for systemd."""


def start(grounds: Sequence[NodeGround], *, sees_control_plane: bool = True) -> Step:
    """kubelet on every node, then etcd, then the API servers.

    `sees_control_plane`: whether the API servers are waited for here.
    """
    ready = (control_plane_ready(grounds),) if sees_control_plane else ()
    return Step(
        id="start",
        title="start",
        purpose="kubelet starts etcd and the control plane again from the restored data.",
        documented_as="5",
        actions=(
            _start_kubelet(grounds),
            _etcd_formed(grounds),
            *ready,
        ),
        safe_after="The cluster runs on the restored data.",
    )


def _start_kubelet(grounds: Sequence[NodeGround]) -> Action:
    in_turn = any(_waits_for_others(ground) for ground in grounds)
    reason = "kubelet starts the static pods: etcd first answers, then the API server."
    if in_turn:
        reason += " One node after another: members that start together wait for each other."
    return Action(
        id="start-kubelet",
        title="start kubelet",
        reason=reason,
        risk=Risk.CHANGE,
        apart=PATIENCE_SECONDS + _SPARE_SECONDS if in_turn else 0.0,
        works=tuple(
            NodeWork(
                ground.name,
                _start_script(ground),
                probe=node_script(
                    f"{IN_PLACE.strip()} && \\\n  {KUBELET_ACTIVE}", **placing(ground)
                ),
                undo=node_script(
                    _STOP_AGAIN,
                    names=" ".join(("etcd", *CONTROL_PLANE)),
                    grace=ETCD_GRACE,
                    aside=ground.aside,
                    back=ground.back,
                ),
                undone=node_script(
                    _STOPPED_AGAIN,
                    names=" ".join(("etcd", *CONTROL_PLANE)),
                    aside=ground.aside,
                    back=ground.back,
                ),
            )
            for ground in grounds
        ),
        timeout=120,
    )


def _waits_for_others(ground: NodeGround) -> bool:
    return ground.manifest.compares_at_start and bool(ground.manifest.listen_metrics_urls)


def _start_script(ground: NodeGround) -> str:
    if not _waits_for_others(ground):
        return node_script(_START, started=ground.started, **placing(ground))
    urls = ground.manifest.listen_metrics_urls
    return node_script(
        _START + _SEE_IT_SERVE.replace("@WHO_LISTENS@", WHO_LISTENS.strip()),
        started=ground.started,
        urls=" ".join(urls),
        sockets=" ".join(listening_patterns(urls)),
        most_tries=str(5 * PATIENCE_SECONDS),
        **placing(ground),
    )


def _etcd_formed(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="etcd-formed",
        title="see etcd form",
        reason="Every member must answer a linearizable read and follow the same leader.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(
                ground.name,
                ask_member(ground, _FORMED, most_tries=_MOST_TRIES),
            )
            for ground in grounds
        ),
        watch=Watch.ETCD_FORMED,
        timeout=SECONDS_TO_FORM,
    )


def control_plane_ready(grounds: Sequence[NodeGround]) -> Action:
    """The API servers are asked until each is ready."""
    return Action(
        id="control-plane-ready",
        title="see the API servers ready",
        reason="An API server is ready when it can read from and write to its etcd.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _READY,
                    kubeconfig=ground.node.paths.admin_kubeconfig,
                    most_tries=_MOST_TRIES,
                ),
            )
            for ground in grounds
        ),
        watch=Watch.CONTROL_PLANE_READY,
        timeout=SECONDS_TO_FORM,
        # etcd is compared next in any case; the last step waits for the API servers again.
        essential=False,
    )
