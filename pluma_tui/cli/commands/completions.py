"""`pluma completions`: a script that makes a shell complete pluma's words."""

import argparse

from pluma_tui.cli import offers, output
from pluma_tui.core.errors import UsageError
from pluma_tui.files import paths

HELP = "Print completions for a shell: commands, options, profiles, models, keys of the config."
_EPILOG = """\
bash: eval "$(pluma completions bash)" in ~/.bashrc;
zsh: eval "$(pluma completions zsh)" in ~/.zshrc, after compinit;
fish: pluma completions fish > ~/.config/fish/completions/pluma.fish
"""
SHELLS = ("bash", "zsh", "fish")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma completions`."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=SHELLS, nargs="?", help="the shell")
    # What the scripts ask when a person presses tab: it must be there at once.
    parser.add_argument("--list", choices=tuple(offers.KINDS), dest="kind", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Print the script, or a list of words; returns the exit code."""
    if args.kind:
        for word in offers.words(args.kind, paths.config_file(args.config)):
            output.line(word)
        return 0
    if not args.shell:
        raise UsageError("which shell?", hint=f"pluma completions {'|'.join(SHELLS)}")
    from pluma_tui.cli.completing import script

    output.line(script(args.shell))
    return 0
