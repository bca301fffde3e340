"""Completion scripts, which shtab makes from the command line; what changes is asked when tab is pressed."""

import argparse
from collections.abc import Iterator

import shtab

from pluma_tui.cli.main import build_parser
from pluma_tui.cli.offers import KINDS

Complete = dict[str, str | dict[str, str]]

# What an argument is, by its metavar; for some commands there is a closer look.
_BY_METAVAR = {
    "P": "profiles",
    "PROFILE": "profiles",
    "M": "models",
    "MODEL": "models",
    "KEY": "keys",
    "C": "compats",
    "K": "kinds",
}
_BY_COMMAND = {("profile", "NAME"): "profiles", ("profile", "KEY"): "profile-keys"}
_FILES = {"FILE", "FILE|DIR", "NAME|FILE|URL"}


def script(shell: str) -> str:
    """The script for bash, zsh or fish."""
    parser = build_parser()
    for words, action in _arguments(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif kind := _kind(words, str(action.metavar)):
            action.complete = _asked(kind)  # type: ignore[attr-defined]
    text = shtab.complete(parser, shell)
    return text + _WITH_COLONS if shell == "bash" else text


def _arguments(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.Action]]:
    """Every argument of every command, with the words of its command; all modules are loaded."""
    if hasattr(parser, "complete"):
        parser.complete()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _arguments(inner, (*words, name))
        else:
            yield words, action


def _kind(words: tuple[str, ...], metavar: str) -> str:
    closer = _BY_COMMAND.get((words[0], metavar)) if words else None
    return closer or _BY_METAVAR.get(metavar, "")


def _asked(kind: str) -> Complete:
    """How each shell asks for words of that kind, when a person presses tab and not before."""
    assert kind in KINDS
    ask = f"pluma completions --list {kind} 2>/dev/null"
    function = f"_pluma_{kind.replace('-', '_')}"
    bash = f"""\
{function}() {{  # not compgen -W, which would expand the words
  local word
  while IFS= read -r word; do [[ $word == "$1"* ]] && printf '%s\\n' "$word"; done < <({ask})
}}"""
    zsh = f"""\
{function}() {{
  local -a found
  found=(${{(f)"$({ask})"}})
  compadd -a found
}}"""
    return {"bash": function, "zsh": function, "fish": f"({ask})", "preamble": {"bash": bash, "zsh": zsh}}


# bash takes "qwen3:8b" for three words, and would put what it completes after the last colon.
_WITH_COLONS = """
_pluma_with_colons() {
  local line="${COMP_LINE:0:COMP_POINT}" current
  current="${line##*[[:space:]]}"
  if [[ $current == *:* ]]; then
    local -a words
    read -ra words <<< "$line"
    local -a COMP_WORDS=("${words[@]}")
    local COMP_CWORD=$((${#words[@]} - 1))
    _shtab_pluma
    COMPREPLY=("${COMPREPLY[@]#"${current%:*}:"}")
  else
    _shtab_pluma
  fi
}
complete -o bashdefault -F _pluma_with_colons pluma
"""
