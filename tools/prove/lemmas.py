#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Prove the counting lemmas (lemmas.c) with Frama-C's WP; TAP."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import build

FOLDER = build.TOP / "build/prove/lemmas"
SOURCE = Path(__file__).with_name("lemmas.c")
RESULT = re.compile(r"\[wp\] (?:\[([^]]*)\] )?Goal typed_(\w+) : (.*)")


def prove(source: Path) -> str:
    """WP's output."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    config = FOLDER / "why3.conf"
    environment = os.environ | {"WHY3CONFIG": str(config)}
    subprocess.run(["why3", "-C", str(config), "config", "detect"], env=environment,
                   capture_output=True, check=False)
    done = subprocess.run(
        ["frama-c", "-wp", "-wp-rte", "-wp-prover", "cvc4,z3", "-wp-timeout", "30", "-wp-cache",
         "none", "-wp-msg-key", "no-time-info", str(source)],
        env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def main() -> int:
    text = SOURCE.read_text()
    lemmas = re.findall(r"^(?:void|int) (\w+)\(", text, re.MULTILINE)
    output = prove(SOURCE)
    goals: dict[str, list[tuple[str, str]]] = {name: [] for name in lemmas}
    for _, goal, verdict in RESULT.findall(output):
        for name in lemmas:
            if re.match(rf"{name}_(?!.*_{name})", goal):
                goals[name].append((goal, verdict))
    print(f"1..{len(lemmas)}")
    failed = 0
    for n, name in enumerate(lemmas, 1):
        bad = [g for g, verdict in goals[name] if not re.match(r"Valid|trivial", verdict)]
        good = not bad and any("ensures" in g for g, _ in goals[name])
        failed += not good
        print(f"{'ok' if good else 'not ok'} {n} - lemma {name} # {len(goals[name])} goals")
        for g in bad:
            print(f"# not proved: {g}")
    if failed:
        print("\n".join(f"# {line}" for line in output.splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
