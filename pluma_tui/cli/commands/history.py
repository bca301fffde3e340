"""`pluma history`: the conversations that are stored."""

import argparse
import asyncio
import sys
from datetime import datetime
from pathlib import Path

from pluma_tui.cli import output
from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import UsageError
from pluma_tui.files import atomic, paths
from pluma_tui.storage.base import Store
from pluma_tui.storage.open import open_store

HELP = "List, read, export, import and delete conversations."

_ID = "its id, an unambiguous beginning of it, or last"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma history`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all conversations, newest first")
    listing.add_argument("--json", action="store_true", help="as one JSON array")
    showing = actions.add_parser("show", help="read a conversation")
    showing.add_argument("id", metavar="ID", help=_ID)
    showing.add_argument("--json", action="store_true", help="the whole tree, as export --format json")
    exporting = actions.add_parser("export", help="write a conversation to a file")
    exporting.add_argument("id", metavar="ID", help=_ID)
    exporting.add_argument(
        "--format",
        choices=("md", "json"),
        help="Markdown of the chosen path, or JSON of everything; default: by the name of FILE, else md",
    )
    exporting.add_argument("--json", action="store_const", const="json", dest="format", help="--format json")
    exporting.add_argument("-o", "--output", metavar="FILE", default="-", help="- (the default) is stdout")
    importing = actions.add_parser("import", help="read a conversation from a JSON file")
    importing.add_argument("file", metavar="FILE", help="- is stdin")
    importing.add_argument("--json", action="store_true", help="the ids as one JSON array")
    deleting = actions.add_parser("delete", help="delete a conversation for good")
    deleting.add_argument("id", metavar="ID", help=_ID)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code. Raises PlumaError."""
    asyncio.run(_run(args))
    return 0


async def _run(args: argparse.Namespace) -> None:
    actions = {"list": _list, "show": _show, "export": _export, "import": _import, "delete": _delete}
    store = _store(args)
    try:
        await actions[args.action](store, args)
    finally:
        await store.close()


def _store(args: argparse.Namespace) -> Store:
    """The store that the config names. Raises ConfigError if that cannot be read from it."""
    from pluma_tui.config.read import load

    loaded = load(paths.config_file(args.config))
    if problem := loaded.problem_with("storage"):
        raise problem.error(loaded.path)
    return open_store(loaded.config.storage.url, paths.data_dir(args.data_dir))


async def _list(store: Store, args: argparse.Namespace) -> None:
    conversations = await store.conversations()
    if args.json:
        fields = ("id", "title", "created", "updated", "messages", "profile", "model")
        output.document([{name: getattr(one, name) for name in fields} for one in conversations])
    elif conversations:
        output.table([_row(one) for one in conversations])
    else:
        output.say("There is no conversation yet. Begin one with: pluma")


def _row(one: Conversation) -> tuple[str, ...]:
    where = " · ".join(word for word in (one.profile, one.model) if word)
    return (one.id, _local_time(one.updated), str(one.messages), where, one.title or "(no title)")


def _local_time(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return moment


async def _show(store: Store, args: argparse.Namespace) -> None:
    conversation = await store.find(args.id)
    if args.json:
        from pluma_tui.storage.export import document

        output.document(document(conversation, await store.tree(conversation.id)))
    else:
        from pluma_tui.storage.markdown import markdown

        output.write(markdown(conversation, await store.path(conversation.id)))


async def _export(store: Store, args: argparse.Namespace) -> None:
    as_json = (args.format or Path(args.output).suffix) in ("json", ".json")
    if args.output == "-":
        return await _show(store, argparse.Namespace(id=args.id, json=as_json))
    conversation = await store.find(args.id)
    if as_json:
        from pluma_tui.storage import jsontext
        from pluma_tui.storage.export import document

        data = jsontext.dumps(document(conversation, await store.tree(conversation.id)))
    else:
        from pluma_tui.storage.markdown import markdown

        text = markdown(conversation, await store.path(conversation.id))
        data = text.encode("utf-8", "replace")  # JSON is for those who need lone surrogates
    _write(Path(args.output), data)
    return None


def _write(path: Path, data: bytes) -> None:
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is written to, not replaced
            path.write_bytes(data)
        elif not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")
        else:
            atomic.write(path, data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _read(name: str) -> bytes:
    """A file as far as an import goes, and one byte more to tell."""
    from pluma_tui.storage.imports import LIMIT

    if name == "-":
        return sys.stdin.buffer.read(LIMIT + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(LIMIT + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}") from error


async def _import(store: Store, args: argparse.Namespace) -> None:
    from pluma_tui.storage.copying import copy_in
    from pluma_tui.storage.imports import read

    try:
        conversation, messages = read(_read(args.file))
    except UsageError as error:
        raise UsageError(f"{args.file}: {error.message}", hint=error.hint) from error
    copied = await copy_in(store, conversation, messages)
    if copied.how == "known":
        output.say(f"The very same conversation is stored already: {copied.id}")
    elif copied.how == "renamed":
        output.say(f"Another conversation has the id {conversation.id}; this one is {copied.id}")
    if args.json:
        output.document([copied.id])
    else:
        output.line(copied.id)


async def _delete(store: Store, args: argparse.Namespace) -> None:
    conversation = await store.find(args.id)
    await store.delete(conversation.id)
    output.say(f"Deleted {conversation.id}, {conversation.title or '(no title)'}.")
