# SPDX-License-Identifier: GPL-2.0
"""Tasks, each in a process of its own: one whose process dies is told of as the others are."""
from __future__ import annotations

import argparse
import multiprocessing
import traceback
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence


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


WHOLE = (1, 1)		# the shard that is all there is


def shard(text: str) -> tuple[int, int]:
    """"2/3" is the second of three."""
    one, _, of = text.partition("/")
    if not (one.isdecimal() and of.isdecimal() and 1 <= int(one) <= int(of)):
        raise argparse.ArgumentTypeError(f"'{text}' is no shard, as 1/2 and 2/2 are")
    return int(one), int(of)


def dealt(names: Sequence[str], size: Mapping[str, int], share: tuple[int, int]) -> list[str]:
    """The names of a shard, the largest first: dealt out like cards."""
    return sorted(names, key=lambda n: (-size.get(n, 0), n))[share[0] - 1::share[1]]


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
