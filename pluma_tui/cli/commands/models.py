"""`pluma models`: what the server offers, and what can be done with it where the server can."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from pluma_tui.cli import output, session
from pluma_tui.cli.meter import Meter
from pluma_tui.core.errors import UsageError
from pluma_tui.core.models import ModelInfo, ModelProgress, Price
from pluma_tui.local.models import size_text
from pluma_tui.providers.base import DescribesModels, LoadsModels, Provider, PullsModels
from pluma_tui.runtime import fetched
from pluma_tui.runtime.wiring import Runtime

HELP = "List the models that the server of a profile offers, and manage them where it lets us."

_ACTIONS = {
    "list": "what the server offers (this is what happens with no action)",
    "show": "all that the server tells of one",
    "load": "take one into memory",
    "unload": "let go of one, or of all",
    "pull": "let the server fetch one from its library",
    "delete": "delete one from the server's disk",
}
_ALL = ("list", "unload", "show")  # actions that need no name


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pluma models`."""
    words = "; ".join(f"{name}: {what}" for name, what in _ACTIONS.items())
    add = parser.add_argument
    add("action", metavar="ACTION", nargs="?", default="list", choices=tuple(_ACTIONS), help=words)
    add("model", metavar="MODEL", nargs="?", default="", help="the model's name")
    add("-p", "--profile", metavar="P", default=argparse.SUPPRESS, help="the profile to ask")
    add("--json", action="store_true", help="as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Ask the server; returns the exit code."""
    if not args.model and args.action not in _ALL:
        raise UsageError(f"which model? Say: pluma models {args.action} MODEL")
    if args.model and args.action == "list":
        raise UsageError(f'"{args.model}" is too much', hint=f"Did you mean: pluma models show {args.model}")
    return session.run(_models(args))


async def _models(args: argparse.Namespace) -> int:
    async with session.runtime(args) as runtime:
        provider = runtime.connections.provider()
        if args.action == "show":
            await _show(provider, args.model or runtime.connections.profile().model, as_json=args.json)
        elif args.action in ("load", "unload"):
            await _in_memory(provider, args.action, args.model)
        elif args.action in ("pull", "delete"):
            await _on_disk(provider, args.action, args.model)
        else:
            await _list(runtime, provider, as_json=args.json)
    return 0


async def _in_memory(provider: Provider, action: str, model: str) -> None:
    if not isinstance(provider, LoadsModels):
        raise _cannot(provider, f"{action} models")
    if action == "load":
        await _metered(provider.load(model))
    else:
        await provider.unload(model)
    output.say(f"{action.title()}ed {model or 'all models'}.")


async def _on_disk(provider: Provider, action: str, model: str) -> None:
    if not isinstance(provider, PullsModels):
        raise _cannot(provider, f"{action} models")
    if action == "pull":
        await _metered(provider.pull(model))
        output.say(f"Pulled {model}.")
    else:
        await provider.delete(model)
        output.say(f"Deleted {model}.")


async def _metered(steps: AsyncGenerator[ModelProgress, None]) -> None:
    """Show the steps until the last; interrupted, it cancels what is going on."""
    with Meter() as meter:
        async with aclosing(steps):
            async for step in steps:
                meter(step.done, step.total, step.message)


def _cannot(provider: Provider, what: str) -> UsageError:
    hint = 'Those of Ollama can, with compat = "ollama".'
    if provider.id == "local":
        hint = "For models that run inside pluma: pluma local install, pluma local remove."
    return UsageError(f"servers of the kind {provider.id} cannot be asked to {what}", hint=hint)


async def _list(runtime: Runtime, provider: Provider, *, as_json: bool) -> None:
    models = await provider.models()
    fetched.remember(runtime.connections.profile().name, models)
    if as_json:
        output.document([msgspec.to_builtins(model) for model in models])
    elif not models:
        output.say("pluma: the server lists no models.")
    else:
        output.table([_row(model) for model in models])


async def _show(provider: Provider, name: str, *, as_json: bool) -> None:
    """What `describe` tells, else the entry of the list."""
    if isinstance(provider, DescribesModels):
        model = await provider.describe(name)
    else:
        listed = {model.id: model for model in await provider.models()}
        if name not in listed and (name or len(listed) != 1):
            raise UsageError(f'the server lists no model "{name}"', hint="`pluma models` lists them.")
        model = listed.get(name) or next(iter(listed.values()))
    if as_json:
        output.document(msgspec.to_builtins(model))
    else:
        output.table([(name, value) for name, value in _facts(model).items() if value])


def _row(model: ModelInfo) -> tuple[str, ...]:
    facts = _facts(model)
    return (model.id, *(facts[name] for name in ("context", "size", "price", "abilities", "state")))


def _facts(model: ModelInfo) -> dict[str, str]:
    return {
        "name": model.id,
        "label": model.label,
        "context": f"{model.context} tokens" if model.context else "",
        "longest answer": f"{model.output} tokens" if model.output else "",
        "size": size_text(model.size) if model.size else "",
        "price": _price(model.price) if model.price else "",
        "abilities": ", ".join(model.traits),
        "state": {True: "loaded", False: "", None: ""}[model.loaded],
    }


def _price(price: Price) -> str:
    return f"${price.input:g} in, ${price.output:g} out a million"
