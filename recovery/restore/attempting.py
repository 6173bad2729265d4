"""One try of an action, on all of its nodes at once or on one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from recovery.restore.events import ActionEnded, ActionStarted, Outcome, Stream, TransferProgress
from recovery.restore.journal import JournalEvent
from recovery.restore.node_work import NodeWorker, Try, WorkResult
from recovery.restore.operator import NodeFailure
from recovery.restore.plan import Action, NodeWork, Plan, Risk, Step, Watch
from recovery.restore.progress import Progress
from recovery.restore.telling import Telling, now
from recovery.restore.watcher import Watcher

_STARTS_AGAIN = "start-kubelet"


class Attempts:
    """Tries actions, and writes down when each begins and how it ends on every node."""

    def __init__(
        self,
        plan: Plan,
        telling: Telling,
        worker: NodeWorker,
        watcher: Watcher,
        progress: Progress,
        *,
        resumed: bool,
    ) -> None:
        self.left_out: dict[str, None] = {}
        """The nodes that the run goes on without."""
        self.alarm_stays = False
        """Whether the alarm that came with the snapshot was not cleared."""
        self._plan = plan
        self._telling = telling
        self._worker = worker
        self._watcher = watcher
        self._progress = progress
        self._resumed = resumed
        self._tries = dict(progress.tries)

    @property
    def present(self) -> Plan:
        """The plan as it is for the nodes that take part."""
        return replace(
            self._plan,
            nodes=tuple(node for node in self._plan.nodes if node not in self.left_out),
            absent=(*self._plan.absent, *self.left_out),
            alarm_stays=self.alarm_stays,
        )

    def works(self, action: Action, nodes: frozenset[str] | None = None) -> list[NodeWork]:
        """The action's work on the nodes that take part, and are among `nodes`."""
        there = [work for work in action.works if work.node not in self.left_out]
        if not there and action.watch is not None and self.present.nodes:
            # What the bastion does with all members is shown on one of them, whichever it is.
            there = [replace(action.works[0], node=self.present.nodes[0])]
        return [work for work in there if nodes is None or work.node in nodes]

    async def attempt(
        self, step: Step, action: Action, works: Sequence[NodeWork], *, again: bool
    ) -> list[NodeFailure]:
        """One try on all these nodes; what fails on one does not stop the others."""
        if action.apart and action.watch is None:
            return await self._in_turn(step, action, works, again=again)
        tries = {work.node: self._begin(step, action, work.node, again) for work in works}
        if action.watch is not None:
            return await self._watched(step, action, action.watch, works, tries)
        # Not a TaskGroup: what breaks here, such as a full disk under the journal, must not cut
        # off the scripts that are under way on other nodes.
        results = await asyncio.gather(
            *(self._on_node(step, action, work, tries[work.node]) for work in works),
            return_exceptions=True,
        )
        return _failed(results)

    async def _in_turn(
        self, step: Step, action: Action, works: Sequence[NodeWork], *, again: bool
    ) -> list[NodeFailure]:
        """One node after another; one that takes longer than `apart` holds up nobody."""
        begun = [asyncio.Event() for _ in works]
        ended = [asyncio.Event() for _ in works]

        async def work_on(place: int) -> WorkResult:
            try:
                if place:
                    await begun[place - 1].wait()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(action.apart):
                            await ended[place - 1].wait()
                this = self._begin(step, action, works[place].node, again)
                begun[place].set()
                return await self._on_node(step, action, works[place], this)
            finally:
                begun[place].set()
                ended[place].set()

        return _failed(
            await asyncio.gather(
                *(work_on(place) for place in range(len(works))), return_exceptions=True
            )
        )

    def _begin(self, step: Step, action: Action, node: str, again: bool) -> Try:
        place = (action.id, node)
        first = self._tries.get(place, 0) == self._progress.tries.get(place, 0)
        under_way = first and place in self._progress.under_way
        self._tries[place] = self._tries.get(place, 0) + 1
        this = Try(
            action.id,
            self._tries[place],
            action.timeout,
            again=(again or self._resumed) and not under_way,
            under_way=under_way,
            detached=action.risk is not Risk.READ,
        )
        self._telling.write(
            JournalEvent.ACTION_STARTED,
            step=step.id,
            action=action.id,
            node=node,
            attempt=this.number,
        )
        self._telling.tries(node, step.id, action.id, this.number)
        self._telling.emit(ActionStarted(now(), step.id, action.id, node))
        return this

    async def _on_node(self, step: Step, action: Action, work: NodeWork, this: Try) -> WorkResult:
        telling = self._telling
        telling.say(work.node, Stream.NOTE, [action.title])
        result = await self._worker.do(
            work,
            this,
            say=lambda stream, lines: telling.say(work.node, stream, lines),
            moved=lambda what, done, total: telling.emit(
                TransferProgress(now(), work.node, what, done, total)
            ),
        )
        self._ended(step, action, work.node, this, result)
        return result

    async def _watched(
        self,
        step: Step,
        action: Action,
        watch: Watch,
        works: Sequence[NodeWork],
        tries: dict[str, Try],
    ) -> list[NodeFailure]:
        if watch is Watch.QUORUM_STILL_LOST and _STARTS_AGAIN in self._progress.begun:
            for work in works:
                done = WorkResult(Outcome.ALREADY_DONE)
                self._ended(step, action, work.node, tries[work.node], done)
            return []
        for work in works:
            self._telling.say(work.node, Stream.NOTE, [action.title])
        reasons = await self._watcher.watch(
            watch,
            self.present,
            timeout=action.timeout,
            note=lambda node, words: self._telling.say(node, Stream.NOTE, [words]),
        )
        failures = []
        known = {work.node for work in works}
        strangers = [f"{node}: {words}" for node, words in reasons.items() if node not in known]
        for index, work in enumerate(works):
            words = [reasons[work.node]] if work.node in reasons else []
            words += strangers if index == 0 else []
            if words:
                failures.append(NodeFailure(work.node, "; ".join(words), None, "\n".join(words)))
                result = WorkResult(Outcome.FAILED, None, failures[-1])
            else:
                result = WorkResult(Outcome.DONE)
            self._ended(step, action, work.node, tries[work.node], result)
        return failures

    def _ended(self, step: Step, action: Action, node: str, this: Try, result: WorkResult) -> None:
        message = result.failure.message if result.failure else ""
        self._telling.write(
            JournalEvent.ACTION_ENDED,
            step=step.id,
            action=action.id,
            node=node,
            attempt=this.number,
            outcome=result.outcome.value,
            exit_status=result.exit_status,
            message=message or None,
        )
        ended = ActionEnded(now(), step.id, action.id, node, result.outcome, message)
        self._telling.emit(ended)


def _failed(results: Sequence[WorkResult | BaseException]) -> list[NodeFailure]:
    """What failed; raises what broke."""
    failures = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        if result.failure is not None:
            failures.append(result.failure)
    return failures
