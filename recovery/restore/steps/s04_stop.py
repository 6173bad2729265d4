"""Step 4: stop kubelet, then etcd, then the control plane. From here the API is down."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.by_hand import ask_member
from recovery.restore.ground import NodeGround
from recovery.restore.listening import WHO_LISTENS, listening_patterns
from recovery.restore.plan import Action, NodeWork, Risk, Step, Watch
from recovery.restore.script import RUNTIME_ENDPOINT, node_script

ALREADY_STARTED = """
if [ -e "$STARTED" ]; then
  echo "the restored member was started already"
  exit 0
fi
"""

_NOTE_KUBELET = (
    RUNTIME_ENDPOINT
    + """
# Noted once, before anything is stopped: the way back leaves off what was off. Where kubelet is
# stopped and its containers run on, only kubelet can bring them back.
if [ ! -s "$BEFORE" ]; then
  WAS=on
  case $(systemctl is-active kubelet || true) in
    inactive | failed)
      WAS=off
      for NAME in $NAMES; do
        LEFT=$(crictl ps -q --name "^$NAME\\$" \\
          --label io.kubernetes.pod.namespace=kube-system) || true
        [ -z "$LEFT" ] || WAS=on
      done
      ;;
  esac
  echo "$WAS" > "$BEFORE"
  on_disk "$BEFORE" "${BEFORE%/*}"
fi
"""
)

_STOP_KUBELET = (
    ALREADY_STARTED
    + _NOTE_KUBELET
    + """
# kubelet first: it would start the containers again.
run systemctl stop kubelet
STATE=$(systemctl is-active kubelet || true)
case $STATE in
  inactive | failed | unknown) ;;
  *) stop "kubelet is ${STATE:-in an unknown state}, although it was stopped" ;;
esac
echo "kubelet is $STATE"
"""
)

_KUBELET_STOPPED = """
if [ -e "$STARTED" ]; then exit 0; fi
[ -s "$BEFORE" ] || exit 1
case $(systemctl is-active kubelet || true) in
  inactive | failed | unknown) ;;
  *) exit 1 ;;
esac
"""

KUBELET_STAYS_STOPPED = """
# Whatever has started kubelet again would have it start etcd on data that is being moved.
case $(systemctl is-active kubelet 2> /dev/null || true) in
  active | activating | reloading) stop "kubelet was started again: stop what starts it first" ;;
esac
"""

START_KUBELET = """
run systemctl start kubelet
[ "$(systemctl is-active kubelet || true)" = active ] || stop "kubelet did not start"
"""

_START_AS_BEFORE = (
    """
if [ "$(cat "$BEFORE" 2> /dev/null || true)" = off ]; then
  echo "kubelet was stopped already before the run, and stays so: systemctl start kubelet starts it"
  exit 0
fi
"""
    + START_KUBELET
)

_STILL_LOST = """
# This read needs a majority. Here it has to fail.
if ask endpoint health; then
  stop "a majority of the members is back: go no further, the cluster is not lost"
fi
echo "no majority answers through this member: go on"
"""

KUBELET_ACTIVE = '[ "$(systemctl is-active kubelet || true)" = active ]'

_AS_BEFORE = f"""
if [ "$(cat "$BEFORE" 2> /dev/null || true)" = off ]; then exit 0; fi
{KUBELET_ACTIVE}
"""

REMOVE_CONTAINERS = (
    RUNTIME_ENDPOINT
    + """
# Exact names in kube-system only, so that nothing else is caught.
containers() {
  crictl ps -a -q --name "^$1\\$" --label io.kubernetes.pod.namespace=kube-system
}
remove() {
  run crictl stop --timeout "$2" "$1" || echo "it did not stop by itself: $1"
  run crictl rm -f "$1"
}
# All at once: none needs another one to end. Whether they are gone is seen below.
for NAME in $NAMES; do
  # etcd closes its database in order; the others have nothing to save.
  case $NAME in etcd) SECONDS_GIVEN=$GRACE ;; *) SECONDS_GIVEN=1 ;; esac
  IDS=$(containers "$NAME")
  for ID in $IDS; do
    remove "$ID" "$SECONDS_GIVEN" &
  done
done
wait
for NAME in $NAMES; do
  LEFT=$(containers "$NAME")
  [ -z "$LEFT" ] || stop "a container named $NAME is still there: $LEFT"
  echo "no container named $NAME is left"
done
"""
)

NONE_LEFT = (
    RUNTIME_ENDPOINT
    + """
for NAME in $NAMES; do
  LEFT=$(crictl ps -a -q --name "^$NAME\\$" --label io.kubernetes.pod.namespace=kube-system)
  [ -z "$LEFT" ]
done
"""
)

_REMOVED = (
    """
if [ -e "$STARTED" ]; then exit 0; fi
"""
    + NONE_LEFT
)

_PORTS_FREE = (
    ALREADY_STARTED
    + """
@WHO_LISTENS@
SECONDS_WAITED=0
while taken; do
  [ "$SECONDS_WAITED" -lt 60 ] || stop "something still listens on $URLS"
  echo "waiting for $URLS to be free, $SECONDS_WAITED s"
  sleep 1
  SECONDS_WAITED=$((SECONDS_WAITED + 1))
done
echo "nothing listens on $URLS"
"""
)

ETCD_GRACE = "15"
"""Seconds that etcd gets to end by itself."""

CONTROL_PLANE = ("kube-apiserver", "kube-scheduler", "kube-controller-manager")


def stop_control_plane(grounds: Sequence[NodeGround], *, quorum_was_lost: bool) -> Step:
    """Ask for quorum a last time, then stop kubelet, etcd, and the control plane."""
    actions = [
        _stop_kubelet(grounds),
        _remove(grounds),
        _ports_free(grounds),
    ]
    if quorum_was_lost:
        actions.insert(0, _quorum_still_lost(grounds))
    return Step(
        id="stop",
        title="stop the control plane",
        purpose="kubelet, etcd and the control plane are stopped on every node.",
        documented_as="1",
        actions=tuple(actions),
        safe_after="No data has moved. To go back, start kubelet on every node.",
    )


def _quorum_still_lost(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="quorum-still-lost",
        title="ask the members once more",
        reason="A quorum can come back by itself; then nothing must be stopped.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(
                ground.name,
                script=ask_member(ground, _STILL_LOST),
            )
            for ground in grounds
        ),
        watch=Watch.QUORUM_STILL_LOST,
        timeout=60,
    )


def _stop_kubelet(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="stop-kubelet",
        title="stop kubelet",
        reason="A running kubelet would start every removed container again.",
        risk=Risk.DESTROY,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _STOP_KUBELET,
                    started=ground.started,
                    before=ground.kubelet_before,
                    names=" ".join(("etcd", *CONTROL_PLANE)),
                ),
                probe=node_script(
                    _KUBELET_STOPPED, started=ground.started, before=ground.kubelet_before
                ),
                undo=node_script(_START_AS_BEFORE, before=ground.kubelet_before),
                undone=node_script(_AS_BEFORE, before=ground.kubelet_before),
            )
            for ground in grounds
        ),
        timeout=120,
    )


def _remove(grounds: Sequence[NodeGround]) -> Action:
    names = " ".join(("etcd", *CONTROL_PLANE))
    return Action(
        id="remove-containers",
        title="stop etcd and the control plane",
        reason="An etcd that keeps running would hold its ports and write to the old data; API "
        "servers that keep running would serve stale data.",
        risk=Risk.DESTROY,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    ALREADY_STARTED + REMOVE_CONTAINERS,
                    names=names,
                    grace=ETCD_GRACE,
                    started=ground.started,
                ),
                probe=node_script(_REMOVED, names=names, started=ground.started),
            )
            for ground in grounds
        ),
        timeout=180,
    )


def _ports_free(grounds: Sequence[NodeGround]) -> Action:
    return Action(
        id="ports-free",
        title="see etcd's ports free",
        reason="A member that finds its port taken does not start.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(
                ground.name,
                node_script(
                    _PORTS_FREE.replace("@WHO_LISTENS@", WHO_LISTENS.strip()),
                    started=ground.started,
                    urls=" ".join(_urls(ground)),
                    sockets=" ".join(listening_patterns(_urls(ground))),
                ),
            )
            for ground in grounds
        ),
        timeout=90,
    )


def _urls(ground: NodeGround) -> tuple[str, ...]:
    return (*ground.manifest.listen_client_urls, *ground.manifest.listen_peer_urls)
