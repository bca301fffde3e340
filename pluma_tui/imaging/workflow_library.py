"""The library of workflows: a person's own in ``<data>/workflows``, and those that come with pluma.

Beside ``NAME.json`` stands ``NAME.about.json``: where its values go, found once and shown for a yes.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pluma_tui.core.errors import ConfigError, UsageError
from pluma_tui.files import atomic
from pluma_tui.files.paths import expanded
from pluma_tui.imaging.workflow import About, Graph, Workflow, read_file
from pluma_tui.imaging.workflow_find import find

_BUILT_IN = Path(__file__).with_name("workflows")
_ABOUT = ".about.json"


class Entry(msgspec.Struct, frozen=True):
    """A workflow of the library; `origin` is "built-in" or "own"."""

    name: str
    origin: str
    title: str
    path: Path


class Library:
    """The workflows below one data folder, and the built-in ones."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "workflows"

    def entries(self) -> list[Entry]:
        """All of them by name; an own one stands for a built-in one of the same name."""
        found = {path.stem: ("built-in", path) for path in _files(_BUILT_IN)}
        found |= {path.stem: ("own", path) for path in _files(self.folder)}
        return [Entry(name, origin, _title(path), path) for name, (origin, path) in sorted(found.items())]

    def load(self, name: str) -> Workflow:
        """The workflow of that name, else the one in the file of that path. Raises ConfigError."""
        path = self._named(name) or expanded(name)
        if not path.is_file():
            known = ", ".join(entry.name for entry in self.entries())
            hint = f"Known: {known}. `pluma workflow add FILE` adds one."
            raise ConfigError(
                f'no workflow is called "{name}", and no file either', hint=hint, key="workflow"
            )
        return load_file(path)

    def add(self, workflow: Workflow, *, replace: bool = False) -> Path:
        """Keep a workflow under its name. Raises UsageError if that is none, or is taken; OSError."""
        path = self.folder / f"{checked(workflow.name)}.json"
        if path.exists() and not replace:
            hint = "Use --name for another name, or --replace."
            raise UsageError(f'there is a workflow called "{workflow.name}" already', hint=hint)
        atomic.write(about_path(path), _written(workflow.about))
        atomic.write(path, _written(workflow.graph))
        return path

    def remove(self, name: str) -> Path:
        """Delete an own workflow. Raises UsageError if there is none of that name."""
        path = self._named(name)
        if path is None or path.parent != self.folder:
            own = ", ".join(entry.name for entry in self.entries() if entry.origin == "own")
            why = "comes with pluma and stays" if path else "is not in the library"
            raise UsageError(f'"{name}" {why}', hint=f"Your own: {own}." if own else "You have added none.")
        path.unlink()
        about_path(path).unlink(missing_ok=True)
        return path

    def _named(self, name: str) -> Path | None:
        for folder in (self.folder, _BUILT_IN):
            for path in _files(folder):
                if path.stem == name:
                    return path
        return None


def load_file(path: Path) -> Workflow:
    """The workflow in that file, with what is known of it, else what its graph tells. Raises ConfigError."""
    graph = read_file(path)
    return Workflow(path.stem, graph, _read_about(about_path(path)) or find(graph))


def keep_run(folder: Path, graph: Graph) -> Path:
    """Keep a graph as it was run in `folder`, under a name of its own. Raises OSError."""
    data = _written(graph)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.json"
    about = msgspec.structs.replace(find(graph), filled=True)
    atomic.write(about_path(path), _written(about))
    atomic.write(path, data)
    return path


def about_path(path: Path) -> Path:
    """The file that tells of the workflow in `path`."""
    return path.with_name(f"{path.stem}{_ABOUT}")


def checked(name: str) -> str:
    """`name`, if a workflow can be called so. Raises UsageError."""
    wrong = (
        not name.isprintable() or set(name) & set("/\\") or name.startswith(".") or len(name.encode()) > 200
    )
    if not name or wrong or f"{name}.json".endswith(_ABOUT):
        raise UsageError(
            f'a workflow cannot be called "{name}"', hint="Use letters, digits, dashes and spaces."
        )
    return name


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in sorted(folder.glob("*.json")):
            if not path.name.endswith(_ABOUT) and not path.name.startswith("."):
                yield path


def _read_about(path: Path) -> About | None:
    """What is kept beside a workflow; None if nothing is. Raises ConfigError."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        return msgspec.json.decode(data, type=About)
    except msgspec.DecodeError as error:
        hint = "Mend it, or delete it: pluma then finds out anew."
        raise ConfigError(f"{path} cannot be used: {error}", hint=hint, key="workflow") from None


def _title(path: Path) -> str:
    try:
        about = _read_about(about_path(path))
    except ConfigError:
        about = None
    return about.title if about else ""


def _written(value: Graph | About) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
