# SPDX-License-Identifier: GPL-2.0
"""Tasks, each in a process of its own: one whose process dies is told of as the others are."""
from __future__ import annotations

import multiprocessing
import traceback
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, Callable, Iterator, Optional, Sequence


@dataclass
class Ended:
    """A task that has ended: its result, or why there is none."""
    task: Any
    result: Any
    error: str


def chosen(tasks: Sequence[Any], only: Sequence[str], name: Callable[[Any], str]) -> list[Any]:
    """The tasks that are asked for by name, or all; a name that none has is an error."""
    unknown = set(only) - set(map(name, tasks))
    if unknown:
        raise SystemExit(f"there is no {', '.join(sorted(unknown))}")
    return [t for t in tasks if not only or name(t) in only]


def child(function: Callable[[Any], Any], task: Any, pipe: connection.Connection) -> None:
    try:
        pipe.send((function(task), ""))
    except Exception:		# told where the tasks are shared out
        pipe.send((None, traceback.format_exc()))


def share_out(function: Callable[[Any], Any], tasks: Sequence[Any], jobs: int,
              every: Optional[float] = None) -> Iterator[Optional[Ended]]:
    """Run function(task), @jobs at a time.  Yields each as it ends, and None every so often."""
    waiting, running = list(tasks)[::-1], {}
    while waiting or running:
        while waiting and len(running) < jobs:
            task = waiting.pop()
            receiver, sender = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(target=child, args=(function, task, sender))
            process.start()
            sender.close()		# so that the end of the process is the end of the pipe
            running[receiver] = process, task
        ready = connection.wait(list(running), every)
        if not ready:
            yield None
        for receiver in ready:
            process, task = running.pop(receiver)
            try:
                result, error = receiver.recv()
            except EOFError:
                result, error = None, ""
            process.join()
            receiver.close()
            if process.exitcode:
                error = error or f"its process ended with status {process.exitcode}"
            yield Ended(task, result, error)
