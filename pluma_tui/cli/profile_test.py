"""`pluma profile test`: each step on a line as it is done, with its time."""

import argparse
from typing import Any

from pluma_tui.cli import output, session
from pluma_tui.core.text import clean_line
from pluma_tui.runtime.checkup import Section, Step, checkup, works

_MARKS = {"ok": "✓", "failed": "✗", "skipped": "-"}


def test_profile(args: argparse.Namespace, section: Section, name: str) -> int:
    """Try the profile; returns 0 if it can be used, else the exit code of what failed."""
    return session.run(_test(args, section, name))


async def _test(args: argparse.Namespace, section: Section, name: str) -> int:
    steps: list[Step] = []
    async with session.runtime(args, save=False) as runtime:
        async for step in checkup(runtime, section, name):
            steps.append(step)
            if not args.json:
                _print(step)
    if args.json:
        output.document([_row(step) for step in steps])
    if works(steps):
        return 0
    return next((step.error.exit_code for step in steps if step.error), 1)


def _print(step: Step) -> None:
    took = f"{step.seconds:.2f} s" if step.state != "skipped" else ""
    output.line(f"{_MARKS[step.state]} {step.name:<8} {took:>8}  {clean_line(step.words, 500)}".rstrip())
    if step.hint:
        output.line(f"{'':<20}{clean_line(step.hint, 500)}")


def _row(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "state": step.state,
        "seconds": round(step.seconds, 3),
        "message": step.words,
        "hint": step.hint,
    }
