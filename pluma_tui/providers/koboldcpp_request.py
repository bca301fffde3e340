"""What KoboldCpp is asked: by its chat route, or with a prompt that is made here from a template."""

import secrets
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from pluma_tui.core.chat import ChatRequest, Image, Message, Sampling, ToolCall, ToolResult
from pluma_tui.core.errors import ConfigError
from pluma_tui.providers.base import Json
from pluma_tui.providers.openai_request import body
from pluma_tui.providers.parts import encoded, parts, words
from pluma_tui.providers.sampling import Names, mapped

SAMPLING: Names = {
    **{name: name for name in ("temperature", "top_p", "top_k", "min_p", "presence_penalty")},
    "typical_p": "typical", "repetition_penalty": "rep_pen", "max_tokens": "max_length",
    "seed": "sampler_seed", "stop": "stop_sequence", "context_size": "max_context_length",
}  # fmt: skip
# The chat route reads these three under OpenAI's names, and the rest as the native one does.
_CHAT: Names = {**SAMPLING, "max_tokens": ("max_tokens", "max_length"), "seed": "seed", "stop": "stop"}


def _turns(start: str, end: str, names: str, **more: str) -> dict[str, str]:
    roles = dict(zip(("user", "assistant", "system"), names.split(","), strict=False))
    starts = {f"{role}_start": start.format(name) for role, name in roles.items()}
    return {**starts, **{f"{role}_end": end for role in roles}, **more}


# Named as in KoboldCpp's adapters. Without `system_start` the first question holds the system prompt.
_PLAIN = {"system_start": "", "system_end": "\n\n"}
TEMPLATES: Mapping[str, Mapping[str, str]] = {
    "chatml": _turns("<|im_start|>{}\n", "<|im_end|>\n", "user,assistant,system"),
    "llama3": _turns("<|start_header_id|>{}<|end_header_id|>\n\n", "<|eot_id|>", "user,assistant,system"),
    "gemma": _turns("<start_of_turn>{}\n", "<end_of_turn>\n", "user,model"),
    "mistral": _turns("{}", "</s>", "[INST] , ", user_end=" [/INST]"),
    "alpaca": _turns("### {}:\n", "\n\n", "Instruction,Response", **_PLAIN),
    "vicuna": _turns("{}: ", "\n", "USER,ASSISTANT", assistant_end="</s>\n", **_PLAIN),
}


def question(request: ChatRequest, options: Mapping[str, Any]) -> tuple[str, Json]:
    """The route and the JSON of a streamed request; `options` win over all else. Raises ConfigError."""
    # With placeholders a text that quotes KoboldCpp's own {{[INPUT]}} would become another turn.
    named = {"genkey": f"pluma-{secrets.token_hex(8)}", "replace_instruct_placeholders": False, **options}
    named.pop("template", None)
    form = template(options)
    if form is None:
        made = body(replace(request, sampling=Sampling()), {})
        return "v1/chat/completions", {**made, **mapped(request.sampling, _CHAT), **named}
    marks = (form.get(name, "").strip() for name in ("user_start", "assistant_start", "assistant_end"))
    stops = [stop for stop in dict.fromkeys([*(request.sampling.stop or ()), *marks]) if stop]
    made = {"prompt": prompt(request, form), "trim_stop": True, **mapped(request.sampling, SAMPLING)}
    made["images"] = [encoded(image) for message in request.messages for image in parts(message, Image)]
    return "api/extra/generate/stream", {**made, "stop_sequence": stops, **named}


def template(options: Mapping[str, Any]) -> Mapping[str, str] | None:
    """The template that `options` name or spell out; None: the server's own. Raises ConfigError."""
    value = options.get("template")
    told = TEMPLATES.get(value) if isinstance(value, str) else value
    form = {k: v for k, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}
    if value is None or {"user_start", "assistant_start"} <= form.keys():
        return form or None
    hint = "Or a table: user_start, user_end, assistant_start, assistant_end, system_start, system_end."
    raise ConfigError(f"must be one of {', '.join(TEMPLATES)}", hint=hint, key="options.template")


def prompt(request: ChatRequest, form: Mapping[str, str]) -> str:
    """The conversation as one text, up to where the answer begins."""
    before, text = f"{request.system}\n\n" if request.system else "", ""
    if before and "system_start" in form:
        before, text = "", f"{form['system_start']}{request.system}{form.get('system_end', '')}"
    for message in request.messages:
        role = message.role if f"{message.role}_start" in form else "user"
        said = _said(message)
        said, before = (before + said, "") if role == "user" else (said, before)
        text += f"{form[f'{role}_start']}{said}{form.get(f'{role}_end', '')}"
    return text + form["assistant_start"].rstrip(" ")  # the space belongs to the answer's first token


def _said(message: Message) -> str:
    calls = (f"(called {call.name} with {call.arguments})" for call in parts(message, ToolCall))
    results = (result.text for result in parts(message, ToolResult))
    return "\n".join(filter(None, (words(message), *calls, *results)))
