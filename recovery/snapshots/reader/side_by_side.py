"""Pieces of work done at the same time, each in a process of its own."""

import marshal
import os
import select
import sys
from typing import Any, Callable, List, Tuple

TOLD_EVERY = 4 << 20
Tell = Callable[[int], None]
"""Called with how many more bytes are done."""
SHORTER = "it became shorter while it was read, or its disk cannot be read"
NO_MEMORY = "there is not enough memory to read it"
SIGBUS = 7
Work = Callable[[Tell], Tuple[Any, ...]]


class Worker:
    """A piece of work in a process of its own, which tells how far it is and what it found.

    It never outlives this process: it would have nobody to tell, and ends.
    """

    def __init__(self, work: Work) -> None:
        self.source, target = os.pipe()
        self.told = b""
        self.pid = os.fork()
        if not self.pid:
            os.close(self.source)
            work_and_end(work, target)
        os.close(target)

    def hear(self) -> int:
        """Wait for more, and give the bytes done since; -1 where it has nothing more to say."""
        piece = os.read(self.source, 1 << 16)
        if not piece:
            return -1
        self.told += piece
        done = 0
        while b"\n" in self.told and not self.told.startswith(b"="):
            count, _, self.told = self.told.partition(b"\n")
            done += int(count)
        return done

    def found(self) -> Tuple[Any, ...]:
        """What it found, after it has nothing more to say. Raises OSError where that is nothing."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        if os.WIFSIGNALED(status):
            signal = os.WTERMSIG(status)
            why = SHORTER if signal == SIGBUS else "reading was ended by signal %d" % signal
            raise OSError(0, why)
        if status:
            raise OSError(0, "reading it failed")
        answer = marshal.loads(self.told[1:])
        if isinstance(answer, str):
            raise OSError(0, answer)
        return tuple(answer)

    def end(self) -> None:
        """End it, whatever it does."""
        os.close(self.source)
        if self.pid:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)


def work_and_end(work: Work, target: int) -> None:
    """What a worker's process does: it tells numbers, one a line, and behind "=" what it found."""
    done = [0]

    def tell(count: int) -> None:
        done[0] += count
        if done[0] >= TOLD_EVERY:
            os.write(target, b"%d\n" % done[0])
            done[0] = 0

    status = 1
    try:
        try:
            answer: Any = tuple(work(tell))
        except BrokenPipeError:
            raise
        except OSError as error:
            answer = error.strerror or str(error)
        except MemoryError:
            answer = NO_MEMORY
        rest = b"=" + marshal.dumps(answer)
        while rest:
            rest = rest[os.write(target, rest) :]
        status = 0
    except BrokenPipeError:
        pass
    finally:
        if sys.exc_info()[1]:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def side_by_side(works: List[Work], tell: Tell) -> List[Tuple[Any, ...]]:
    """Do the pieces of work at the same time, each in a process of its own. Raises OSError."""
    workers: List[Worker] = []
    try:
        for work in works:
            workers.append(Worker(work))
        import json  # noqa: F401 - while there is nothing else to do.

        waiting = {worker.source: worker for worker in workers}
        while waiting:
            for source in select.select(list(waiting), [], [])[0]:
                done = waiting[source].hear()
                if done < 0:
                    del waiting[source]
                else:
                    tell(done)
        return [worker.found() for worker in workers]
    finally:
        for worker in workers:
            worker.end()
