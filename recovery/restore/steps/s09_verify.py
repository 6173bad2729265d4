"""Step 9: the members agree. "Healthy" alone has been seen on members that held different data."""

from __future__ import annotations

from collections.abc import Sequence

from recovery.restore.ground import NodeGround
from recovery.restore.plan import Action, NodeWork, Risk, Step, Watch


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
                f"etcdctl --endpoints {ground.client_url} endpoint hashkv\n",
            )
            for ground in grounds
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
