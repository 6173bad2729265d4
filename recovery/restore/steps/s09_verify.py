"""Step 9: the members agree. "Healthy" alone has been seen on members that held different data."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from recovery.restore.by_hand import ask_member
from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step, Watch

_AGREE = """
# A hash is of a revision: only those of one and the same can be compared.
REVISION=$(ask endpoint status -w fields | sed -n 's/^"Revision" : //p')
[ -n "$REVISION" ] || stop "this member does not tell its revision"
echo "HashKV of every member at revision $REVISION; they must be equal:"
ask endpoint hashkv --cluster --rev "$REVISION"
"""

_WRITE = """
echo "a write, which must say OK:"
ask put etcd-rescue/by-hand written
ask del etcd-rescue/by-hand
"""


def verify(grounds: Sequence[NodeGround], *, alarmed: bool = False) -> Step:
    """Same members, same hash at one revision, one leader, no alarm; a write goes through.

    `alarmed`: the snapshot carries NOSPACE, so that no write goes through yet.
    """
    action = Action(
        id="members-agree",
        title="compare the members",
        reason="All members must hold the same data, and it must be the snapshot's.",
        risk=Risk.READ,
        works=tuple(
            NodeWork(
                ground.name,
                f"echo {shlex.quote(f'{grounds[0].name} asks for all of them')}\n"
                if number
                else ask_member(ground, _AGREE if alarmed else _AGREE + _WRITE),
            )
            for number, ground in enumerate(grounds)
        ),
        watch=Watch.MEMBERS_AGREE,
        timeout=180,
    )
    return Step(
        id="verify",
        title="verify the members",
        purpose="The members are compared with each other and with the snapshot.",
        documented_as="6",
        actions=(action,),
        safe_after="The members hold the same data, the snapshot's; they refuse writes until the "
        "alarm NOSPACE is cleared."
        if alarmed
        else "etcd is proven; the Kubernetes side follows.",
    )
