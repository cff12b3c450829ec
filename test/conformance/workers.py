"""Runs jobs in processes that may crash or hang without harm to the others."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

Job = Callable[[int], Any]
_fork = multiprocessing.get_context("fork")


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    index: int | None = None
    started: float = field(default_factory=time.monotonic)

    def give(self, index: int) -> None:
        self.index = index
        self.started = time.monotonic()
        self.pipe.send(index)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: Connection, job: Job) -> None:
    while (index := pipe.recv()) is not None:
        pipe.send(job(index))


def _start(job: Job) -> _Worker:
    here, there = _fork.Pipe()
    process = _fork.Process(target=_serve, args=(there, job), daemon=True)
    process.start()
    there.close()
    return _Worker(process, here)


def _death(process: BaseProcess) -> str:
    process.join()
    code = process.exitcode or 0
    return f"crash: signal {-code}" if code < 0 else f"crash: exit code {code}"


def run_isolated(job: Job, count: int, jobs: int, timeout: float) -> Iterator[tuple[int, Any]]:
    """Yields (index, result of job(index)) for indices below `count`, as they
    finish; "crash: ..." or "timeout" for those that do not. Processes are
    forked: what the caller has loaded is there."""
    todo = iter(range(count))
    workers: list[_Worker] = []

    def feed(worker: _Worker) -> None:
        index = next(todo, None)
        if index is None:
            worker.stop()
        else:
            worker.give(index)
            workers.append(worker)

    for _ in range(min(jobs, count)):
        feed(_start(job))
    while workers:
        multiprocessing.connection.wait([worker.pipe for worker in workers], timeout=1)
        for worker in list(workers):
            assert worker.index is not None
            if worker.pipe.poll():
                workers.remove(worker)
                try:
                    yield worker.index, worker.pipe.recv()
                    feed(worker)
                except EOFError:
                    yield worker.index, _death(worker.process)
                    feed(_start(job))
            elif time.monotonic() - worker.started > timeout:
                workers.remove(worker)
                worker.stop()
                yield worker.index, "timeout"
                feed(_start(job))
