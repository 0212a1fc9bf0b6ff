#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The prover's own tests, as TAP."""
from __future__ import annotations

import argparse
import functools
import os
import sys
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tools/prove")]


def tests(calls: int, inputs: int, jobs: int) -> list:
    import beside
    import differential
    import driver
    import files
    import heads
    import listed
    import parted
    import processor
    import terms
    import unsound
    import walks
    return [
        ("each file of the prover is counted and told of", files.check),
        ("loops' heads in machine code are found", heads.check),
        ("no theorem is lost from the lists", listed.check),
        ("terms fold to what they mean", lambda: terms.check(4000, 50)),
        ("queries that differ in variables' numbers are one", terms.one_text),
        ("of an address one case is true, and changes nothing", lambda: parted.check(3000)),
        ("the goals' walk is the specification's", lambda: walks.check(20000)),
        ("a table may be linked twice beside the region, and in it may not", beside.check),
        ("a theorem that there is not is an error", driver.unknown_theorem),
        ("a wrong core that there is not is an error", driver.unknown_mistake),
        ("two shards or more are the whole", driver.shards),
        ("a proof whose process is killed is not proved", driver.killed),
        ("processes that share a theorem's paths come to the same, or it is not proved",
         driver.shared_paths),
        ("another solver, or other options, are asked again", driver.other_options),
        ("a process of the solver answers each query from a clean state", driver.each_its_own),
        ("a query that takes too long is unknown, and not remembered", driver.too_long),
        ("what is no answer is an error", driver.no_answer),
        ("the second opinion sees the queries about branches", driver.second_opinion),
        ("each instruction means to the executor what the processor does",
         lambda: processor.check(inputs)),
        ("a wrong meaning of an instruction is noticed", lambda: processor.notices(40)),
        *((f"refuted: {p.stem}", functools.partial(unsound.check, p.stem, jobs))
          for p in unsound.PATCHES),
        ("the executor runs the core at -O2 as the machine does",
         lambda: differential.check("2", calls, 1, jobs)),
        ("the executor runs the core at -O1 as the machine does",
         lambda: differential.check("1", calls, 10**9, jobs)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--calls", type=int, default=5000, help="of the core, at each level")
    parser.add_argument("--inputs", type=int, default=50, help="of each form of instruction")
    options = parser.parse_args()
    import build
    build.ready()
    listed, failed = tests(options.calls, options.inputs, options.jobs), 0
    print(f"1..{len(listed)}", flush=True)
    for n, (name, check) in enumerate(listed, 1):
        try:
            print(f"ok {n} - {name} # {check()}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {n} - {name}")
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()),
                  end="", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
