"""The command line. A command's module is imported when it is chosen, and not before."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from pluma_tui import __version__

COMMANDS = {
    "ask": "ask one question; the answer goes to stdout",
    "models": "what the server offers",
    "image": "pictures; prints the paths it wrote",
    "checkpoints": "what the image server can draw with",
    "providers": "the providers a profile can name",
    "local": "models that run inside pluma",
    "workflow": "the library of ComfyUI workflows",
    "history": "stored conversations",
    "config": "read and change the settings",
    "profile": "connection profiles",
    "secret": "keys of profiles: kept out of the config file",
    "keys": "the actions and their keys; which key really arrives",
    "theme": "the themes",
    "doctor": "what pluma sees of this machine, and what to mend",
    "completions": "completion for bash, zsh or fish",
}
APP = "pluma_tui.cli.commands.app"


class _Parser(argparse.ArgumentParser):
    """A parser that takes the global flags, and whose command module is loaded when it parses."""

    def __init__(self, *, module: str = "", **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)
        self._module = module
        self._complete = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.complete()
        return super().parse_known_args(args, namespace)

    def complete(self) -> None:
        """Load the command's module and take its arguments, if that has not been done."""
        if not self._complete:
            self._complete = True
            if self._module:
                self._load(importlib.import_module(self._module))
            _global_flags(self)

    def _load(self, command: Any) -> None:
        command.configure(self)
        self.description = self.description or command.HELP
        self.set_defaults(run=command.run)


def _global_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("everywhere")
    for flag, metavar, words in (
        ("--config", "FILE", "the config file"),
        ("--data-dir", "DIR", "where conversations and models are kept"),
        ("--log-file", "FILE", "where the log goes"),
        ("--base-url", "URL", "talk to this server for this run, whatever is configured"),
        ("--api-key-env", "VAR", "the variable that holds the key for --base-url"),
    ):
        group.add_argument(flag, metavar=metavar, help=words, default=argparse.SUPPRESS)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line, its commands named and not yet loaded."""
    parser = _Parser(
        prog="pluma",
        description="Talk to language models and image models from a terminal.",
        epilog="Without a command, the terminal app opens. More on a command: pluma COMMAND --help",
    )
    parser.add_argument("--version", action="version", version=f"pluma {__version__}")
    parser.add_argument("-p", "--profile", metavar="P", help="the profile to talk to")
    parser.add_argument("-m", "--model", metavar="M", help="the model to ask for")
    parser.add_argument(
        "-c", "--continue", dest="continue_id", metavar="ID|last", help="go on with a conversation"
    )
    parser.add_argument("--plain", action="store_true", help="chat line by line, without a full screen")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, words in COMMANDS.items():
        commands.add_parser(name, help=words, module=f"pluma_tui.cli.commands.{name}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run pluma; returns the exit code that docs/architecture.md lists."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv == ["--version"]:  # asked by scripts: answer before anything else is built
        print(f"pluma {__version__}")
        return 0
    args = build_parser().parse_args(argv)
    for name in ("config", "data_dir", "log_file", "base_url", "api_key_env"):
        setattr(args, name, getattr(args, name, None))
    if args.data_dir:
        os.environ["PLUMA_DATA_DIR"] = args.data_dir  # for what is started from here, too
    run = getattr(args, "run", None) or importlib.import_module(APP).run
    return _guarded(run, args)


def _guarded(run: Any, args: argparse.Namespace) -> int:
    """The outer edge: what can be expected becomes a line and an exit code, a bug a report.

    A traceback would show what a conversation or a key holds; PLUMA_DEBUG=1 shows it all the same.
    """
    from pluma_tui.cli import output
    from pluma_tui.core.errors import PlumaError

    try:
        return int(run(args))
    except PlumaError as error:
        output.failure(error, as_json=getattr(args, "json", False))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has left, which is their right; say nothing at exit either.
        output.let_go()
        return 0
    except Exception as error:
        if os.environ.get("PLUMA_DEBUG"):
            raise
        from pluma_tui.files import crash, paths

        output.say(crash.keep(error, paths.log_file(args.log_file)))
        return 1
