"""Builds a llama model of 700 KB whose answers are known: nothing is downloaded, nothing is trained.

Attention and feed-forward layers are zero, so the last token alone decides the next one: the output matrix
is a table of "after this token comes that one". The chat template ends the prompt with a token that
begins one of the scripts, chosen by a word in the last user message.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

_WIDTH = 128  # wide enough that no two tokens look alike
_HIDDEN = 32
_CERTAINTY = 80.0  # the logit of the token that is to come; the others stay 20 below it
_BEGIN, _END, _PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"

# Word in the last user message -> the tokens of the answer. Each token occurs once in all of them.
SCRIPTS: dict[str, list[str | bytes]] = {
    "text": ["Hello", " from", " a", " tiny", " scripted", " model", "."],
    "after": ["The", " tool", " said", " it", " is sunny", "!"],
    "weather": [
        "<tool_call>\n", '{"name": "', "get_weather", '", "arguments": {"', "city", '": "', "Paris", '"}}',
        "\n</tool_call>",
    ],
    "think": [
        "<think>\n", "Let", " me", " think", "; 6*7", " = 42", "\n</think>\n\n", "Answer", ": ", "**42**",
    ],
    "markdown": [
        "# Title\n\n", "- item one\n", "- item *two*\n\n", "```python\n", 'print("hi")\n', "```\n\n",
        "| a | b |\n|---|---|\n", "| 1 | 2 |\n", "\nInline ", "`code` and ", "[link](https://example.com)",
        " done",
    ],
    "unicode": ["Café ", *(bytes([byte]) for byte in "🎉".encode()), " 日本", " \u2028sep", " ال"],
    "long": [" ping", " pong", *(f" w{number}" for number in range(30))],
}  # fmt: skip
_ENDLESS = "long"

_TEMPLATE = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- for tool in tools %}{{- tool | tojson }}{{- '\\n' }}{%- endfor %}
    {{- 'Reply with <tool_call>\\n{"name": <name>, "arguments": <args>}\\n</tool_call><|im_end|>\\n' }}
{%- endif %}
{%- set seen = namespace(words='') %}
{%- for m in messages %}
    {{- '<|im_start|>' + m.role + '\\n' }}
    {%- if m.role == 'assistant' and m.reasoning_content %}
        {{- '<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' }}
    {%- endif %}
    {%- if m.content is string %}{{- m.content }}
        {%- if m.role == 'user' %}{%- set seen.words = m.content %}{%- endif %}
    {%- endif %}
    {%- if m.tool_calls %}{%- for call in m.tool_calls %}
        {{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
        {{- call.function.arguments | tojson }}{{- '}\\n</tool_call>' }}
    {%- endfor %}{%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if messages and messages[-1].role == 'tool' %}{{- '<|after|>' }}
    {%- elif 'weather' in seen.words and tools %}{{- '<|weather|>' }}
    {%- elif 'think' in seen.words %}{{- '<|think|>' }}
    {%- elif 'markdown' in seen.words %}{{- '<|markdown|>' }}
    {%- elif 'unicode' in seen.words %}{{- '<|unicode|>' }}
    {%- elif 'long' in seen.words %}{{- '<|long|>' }}
    {%- else %}{{- '<|text|>' }}{%- endif %}
{%- endif %}
"""


def build(path: Path) -> None:
    """Write the model to `path`."""
    tokens = _vocabulary()
    number = {token: at for at, (token, _) in enumerate(tokens)}
    rng = np.random.default_rng(0)
    embedding = rng.standard_normal((len(tokens), _WIDTH)).astype(np.float32)
    embedding *= _WIDTH**0.5 / np.linalg.norm(embedding, axis=1, keepdims=True)
    output = np.zeros_like(embedding)
    for before, after in _successions():
        output[number[after]] += embedding[number[before]] * (_CERTAINTY / _WIDTH)
    writer = GGUFWriter(path, "llama")
    _describe(writer, tokens, number)
    _add_tensors(writer, embedding, output)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _vocabulary() -> list[tuple[str, TokenType]]:
    control = [_PAD, _BEGIN, _END, *(f"<|{name}|>" for name in SCRIPTS)]
    words = [_spelled(word) for script in SCRIPTS.values() for word in script]
    normal = dict.fromkeys([*_letters().values(), *words, _spelled(" t")])
    fill = [f"<|pad{at}|>" for at in range(-(len(control) + len(normal)) % 32)]
    return [
        *((token, TokenType.CONTROL) for token in control),
        *((token, TokenType.NORMAL) for token in normal),
        *((token, TokenType.CONTROL) for token in fill),
    ]


def _successions() -> Iterator[tuple[str, str]]:
    """Which token follows which."""
    for name, script in SCRIPTS.items():
        words = [_spelled(word) for word in script]
        yield from pairwise([f"<|{name}|>", *words])
        yield words[-1], (words[0] if name == _ENDLESS else _END)


def _letters() -> dict[int, str]:
    """GPT-2's printable letter for every byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in plain)
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + at) for at, byte in enumerate(others)}


def _spelled(word: str | bytes) -> str:
    letters = _letters()
    return "".join(letters[byte] for byte in (word if isinstance(word, bytes) else word.encode()))


def _describe(writer: GGUFWriter, tokens: Iterable[tuple[str, TokenType]], number: dict[str, int]) -> None:
    writer.add_name("pluma-scripted")
    writer.add_context_length(131072)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // 4)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(number))
    writer.add_file_type(0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([token for token, _ in tokens])
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_token_merges([_spelled(" ") + " t"])
    writer.add_bos_token_id(number[_BEGIN])
    writer.add_eos_token_id(number[_END])
    writer.add_pad_token_id(number[_PAD])
    writer.add_add_bos_token(False)
    writer.add_chat_template(_TEMPLATE)


def _add_tensors(writer: GGUFWriter, embedding: np.ndarray, output: np.ndarray) -> None:
    def add(name: str, values: np.ndarray) -> None:
        writer.add_tensor(name, values.astype(np.float32))

    add("token_embd.weight", embedding)
    add("output.weight", output)
    add("output_norm.weight", np.ones(_WIDTH))
    for name in ("attn_norm", "ffn_norm"):
        add(f"blk.0.{name}.weight", np.ones(_WIDTH))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}.weight", np.zeros((_WIDTH, _WIDTH)))
    for name in ("ffn_gate", "ffn_up"):
        add(f"blk.0.{name}.weight", np.zeros((_HIDDEN, _WIDTH)))
    add("blk.0.ffn_down.weight", np.zeros((_WIDTH, _HIDDEN)))
