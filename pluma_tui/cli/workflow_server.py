"""What an image server says of a workflow, for `pluma workflow check`."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pluma_tui.cli import image_session, output
from pluma_tui.core.errors import JobFailed, PlumaError, UsageError
from pluma_tui.imaging.base import ChecksWorkflows

if TYPE_CHECKING:
    from pluma_tui.imaging.workflow import Workflow


@dataclass(frozen=True)
class Answer:
    """What the server of `profile` would refuse; or why it could not be asked, `named` if it had to be."""

    profile: str
    named: bool
    refused: tuple[str, ...] = ()
    error: PlumaError | None = None

    @property
    def exit_code(self) -> int:
        """6 for a refusal; a server that nobody has named need not be there."""
        if self.refused:
            return JobFailed.exit_code
        return self.error.exit_code if self.error and self.named else 0

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        error = self.error and {"kind": self.error.kind, "message": self.error.message}
        return {"profile": self.profile, "refused": list(self.refused), "error": error}

    def say(self) -> None:
        """Tell a person."""
        for words in self.refused:
            output.say(f"pluma: {words}")
        if self.error is not None:
            output.say(f'pluma: the server of "{self.profile}" was not asked: {self.error.sentence}')
        elif not self.refused:
            output.say(f'The server of "{self.profile}" has all that it needs.')


async def ask(args: argparse.Namespace, workflow: "Workflow") -> Answer | None:
    """Ask the server that the command line names, else the active one; None if that runs no workflows.

    Raises ConfigError and UsageError for a profile that is named and is none, or none of that kind.
    """
    async with image_session.runtime(args) as runtime:
        named = bool(args.profile or args.base_url)
        profile = runtime.images.active()
        if profile is None:
            return None
        try:
            provider = runtime.images.provider(profile.name)
            if isinstance(provider, ChecksWorkflows):
                return Answer(profile.name, named, tuple(await provider.check(workflow)))
        except PlumaError as error:
            return Answer(profile.name, named, error=error)
    if named:
        raise UsageError(f'the server of "{profile.name}" runs no workflows', hint='kind = "comfy" does.')
    return None
