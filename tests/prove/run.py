#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The prover's own tests, as TAP.  --seconds: for each of the random ones."""
from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "spec/prove")]


def tests(seconds: float) -> list:
    import differential
    import terms
    import walks
    return [
        ("terms fold to what they mean", lambda: terms.check(4000, 50)),
        ("the goals' walk is the specification's", lambda: walks.check(seconds)),
        ("the executor runs the core at -O2 as the machine does",
         lambda: differential.check("2", seconds, 1)),
        ("the executor runs the core at -O1 as the machine does",
         lambda: differential.check("1", seconds, 10**6)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    listed, failed = tests(options.seconds), 0
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
