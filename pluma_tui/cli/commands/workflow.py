"""`pluma workflow`: the library of ComfyUI workflows."""

import argparse
import sys

import msgspec

from pluma_tui.cli import image_session, output, session, workflow_server
from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.core.text import clean_line
from pluma_tui.files import paths
from pluma_tui.imaging.workflow_report import Library, Report, checked, examine, load_file, report

HELP = "The library of ComfyUI workflows."

_NOW = 40  # characters of what stands in a node


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma workflow`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the workflows a profile can name")
    listing.add_argument("--json", action="store_true", help="as one JSON array")
    adding = actions.add_parser(
        "add",
        help="take a workflow into the library",
        description="Take a workflow in API format into the library. Where its prompt, seed, size and the "
        "like go is found out from its nodes, shown for a yes, and remembered beside it.",
    )
    adding.add_argument("file", metavar="FILE")
    adding.add_argument("--name", metavar="N", help="the name; the file's stem unless given")
    adding.add_argument("--replace", action="store_true", help="in place of one of that name")
    adding.add_argument("--yes", action="store_true", help="do not ask")
    checking = actions.add_parser(
        "check",
        help="what pluma makes of a workflow, and what is wrong with it",
        description="Show where the values of a workflow go and what is wrong with it; and what its server "
        "would refuse: that of -p, else the active image profile's if that is of kind comfy and answers.",
    )
    checking.add_argument("file", metavar="FILE", help="a file, or a name in the library")
    checking.add_argument("--json", action="store_true", help="as one JSON object")
    image_session.configure(checking)
    removing = actions.add_parser("remove", help="delete a workflow of your own")
    removing.add_argument("name", metavar="N")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code. Raises PlumaError."""
    library = Library(paths.data_dir(args.data_dir))
    if args.action == "add":
        return _add(args, library)
    if args.action == "check":
        return session.run(_check(args, library))
    if args.action == "remove":
        library.remove(args.name)
        output.say(f"Removed {clean_line(args.name)}.")
        return 0
    return _list(args, library)


def _list(args: argparse.Namespace, library: Library) -> int:
    entries = library.entries()
    if args.json:
        output.document([{**msgspec.structs.asdict(entry), "path": str(entry.path)} for entry in entries])
    else:
        output.table([(entry.name, entry.origin, entry.title) for entry in entries])
    return 0


def _add(args: argparse.Namespace, library: Library) -> int:
    file = paths.expanded(args.file)
    name = checked(args.name or file.stem)
    workflow = examine(file, name)
    _show(report(workflow))
    if not args.yes and not _agreed():
        output.say("Nothing was added.")
        return 0
    try:
        path = library.add(workflow, replace=args.replace)
    except OSError as error:
        raise UsageError(f"{library.folder} cannot be written: {error.strerror}") from None
    output.say(f"Added {clean_line(name)}. A profile takes it with: workflow = {output.dumps(name)}")
    output.say(f"To change what goes where: {paths.shown(path.with_suffix('.about.json'))}")
    return 0


def _agreed() -> bool:
    """Whether the person takes what was shown; asks only at a terminal."""
    if not sys.stdin.isatty():
        return True
    sys.stderr.write("Take it so? [Y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


async def _check(args: argparse.Namespace, library: Library) -> int:
    path = paths.expanded(args.file)
    workflow = load_file(path) if path.is_file() else library.load(args.file)
    found = report(workflow)
    answer = await workflow_server.ask(args, workflow)
    ok = not found.problems and not (answer and answer.refused)
    if args.json:
        server = answer and answer.document()
        output.document({"name": workflow.name, "ok": ok, **msgspec.to_builtins(found), "server": server})
    else:
        _show(found)
        for problem in found.problems:
            output.say(f"pluma: {problem}")
        if answer is not None:
            answer.say()
    if found.problems:
        return ConfigError.exit_code
    return answer.exit_code if answer is not None else 0


def _show(found: Report) -> None:
    """What goes where, as a table; remarks go to stderr."""
    rows: list[tuple[str, ...]] = [("%" + name + "%", "placeholder", "", "") for name in found.placeholders]
    for place in found.places:
        now = clean_line(output.dumps(place.now), _NOW)
        rows.append((place.value, f"{place.title} (node {place.node})", place.input, now))
    rows += [("output", name, "", "") for name in found.outputs]
    output.table(rows)
    for name in found.unknown:
        output.say(
            f"{name} is no placeholder that pluma knows: options.placeholders of the profile may say it."
        )
    for name in found.missing:
        output.say(f"No place was found for: {name}.")
