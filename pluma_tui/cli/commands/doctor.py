"""`pluma doctor`: what pluma sees of this machine, each line with what to do about it. No secrets."""

import argparse
import asyncio
import os
import re
from pathlib import Path

import msgspec

from pluma_tui.cli import output, terminal_facts
from pluma_tui.cli.diagnosis import clipboard, machine, servers, settings, terminal, tmux
from pluma_tui.cli.diagnosis.finding import Finding
from pluma_tui.config.read import load
from pluma_tui.files import paths
from pluma_tui.runtime.discover import discover
from pluma_tui.terminal.tmux import ask

HELP = "Show versions, paths, config problems, the terminal and the servers found, with hints."
_MARKS = {"ok": "  ", "warning": "! ", "error": "✗ "}


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma doctor`."""
    parser.add_argument("--json", action="store_true", help="as one JSON array")


def run(args: argparse.Namespace) -> int:
    """Look at everything; returns 0, or 3 if the config has an error."""
    # While the terminal's answers may still come, they are kept from the screen and the shell.
    with terminal_facts.asked(os.environ) as answers:
        findings = [_without_home(finding) for finding in _look(args, answers)]
    if args.json:
        output.document([msgspec.to_builtins(finding) for finding in findings])
    else:
        _print(findings)
    return 3 if any(f.topic == "config" and f.state == "error" for f in findings) else 0


def _look(args: argparse.Namespace, answers: terminal_facts.Answers | None) -> list[Finding]:
    loaded = load(paths.config_file(args.config))
    config, data = loaded.config, paths.data_dir(args.data_dir)
    around = ask(os.environ)
    return [
        *machine.versions(),
        *machine.folders(args),
        *settings.findings(loaded),
        *machine.storage(config.storage.url, data),
        *terminal.findings(os.environ, answers, around),
        *tmux.findings(os.environ, around),
        *clipboard.findings(os.environ, config.ui.clipboard),
        *machine.embedded(data),
        *servers.findings(asyncio.run(discover()), loaded),
    ]


def _without_home(finding: Finding) -> Finding:
    """The home folder as ~, which a shell understands, too: what is shown around names no user."""
    home = str(Path.home())
    if len(home) < 2:
        return finding
    text, hint = (re.sub(rf"{re.escape(home)}(?=/|\b)", "~", part) for part in (finding.text, finding.hint))
    return msgspec.structs.replace(finding, text=text, hint=hint)


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        output.line(f"{_MARKS[finding.state]}{finding.topic:<10}{finding.text}")
        if finding.hint:
            output.line(f"{'':<12}{finding.hint}")
