"""`pluma image`: pictures from the shell; their paths on stdout, how far they are on stderr."""

import argparse
import os
import signal

from pluma_tui.cli import image_request, image_session, output, session
from pluma_tui.cli.drawing import Json, Plain
from pluma_tui.core.errors import UsageError
from pluma_tui.core.profile import ImageProfile
from pluma_tui.files.paths import expanded
from pluma_tui.imaging import registry
from pluma_tui.imaging.saving import Place
from pluma_tui.runtime.pictures import Job
from pluma_tui.runtime.wiring import Runtime

HELP = "Make pictures, and print the paths they were written to."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma image`."""
    image_request.configure(parser)
    image_session.configure(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE|DIR", help="where to write; several pictures: FILE, FILE-2, ..."
    )
    parser.add_argument("--show", action="store_true", help="show it in the terminal (in a later version)")
    parser.add_argument("--json", action="store_true", help="one event a line, as JSON")


def run(args: argparse.Namespace) -> int:
    """Make them; returns the exit code."""
    return session.run(_image(args))


async def _image(args: argparse.Namespace) -> int:
    if args.show:
        hint = "Until then: leave it out, and open the file whose path is printed."
        raise UsageError("--show comes with a later version", hint=hint)
    async with image_session.runtime(args) as runtime:
        wanted = image_request.build(args, runtime.data)
        for note in wanted.notes:
            output.say(f"pluma: {note}")
        profile = _profile(args, runtime, wanted.profile)
        image_request.check(wanted.request, args, profile)
        image_request.check_options(args.set, registry.load(profile.kind).options)
        job = runtime.pictures.begin(
            wanted.request,
            profile.name,
            place=_place(args.output, runtime),
            sources=wanted.paths,
        )
        return await _follow(job, as_json=args.json)


def _profile(args: argparse.Namespace, runtime: Runtime, before: str) -> ImageProfile:
    """The one that is named, else the one a picture was made with `before`, else the active one."""
    named = args.profile or args.base_url
    return runtime.images.profile(before if before in runtime.images.names() and not named else None)


def _place(name: str | None, runtime: Runtime) -> Place | None:
    """Where -o says. Raises UsageError, also for a file that is there: nothing is overwritten."""
    if not name:
        return None
    path = expanded(name)
    if name.endswith("/") or path.is_dir():
        template = runtime.config.images.template.rsplit("/", 1)[-1]
        return Place(path, template, private=False)
    if os.path.lexists(path):
        hint = "Nothing is overwritten: name another file, or a folder."
        raise UsageError(f"{name} is there already", hint=hint)
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    return Place(path.parent, name=path.name, private=False)


async def _follow(job: Job, *, as_json: bool) -> int:
    """Print what comes; returns the exit code. A signal cancels the job, and what was finished is kept."""
    caught: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if caught:
            os._exit(128 + number)  # asked twice: the server is not waited for
        caught.append(number)
        job.stop()

    face = Json() if as_json else Plain()
    with session.on_signals(stop):
        async with face.running():
            async for batch in job.listen(every=face.every):
                for event in batch:
                    face.show(event, job)
        await job.wait()
    if job.error is not None:
        output.failure(job.error, as_json=as_json)
        return job.error.exit_code
    return 128 + caught[0] if caught else 0
