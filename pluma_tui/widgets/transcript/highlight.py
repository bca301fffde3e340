"""Source code in colours, by Pygments, one stretch of a code block after the other."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pygments.lexer import ExtendedRegexLexer, Lexer, LexerContext, RegexLexer  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import Comment, Keyword, Name, Number, String, Token, _TokenType  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

Stack = tuple[str, ...]
Coloured = list[tuple[str, str]]
"""Text with the name of its style in the look."""

_STYLES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "comment"), (String, "string"), (Number, "number"), (Keyword, "keyword"),
    (Name.Function, "name"), (Name.Class, "name"), (Name.Tag, "keyword"), (Name.Decorator, "name"),
    (Name.Attribute, "name"), (Token.Operator.Word, "keyword"), (Token.Literal, "string"),
    (Token.Generic.Heading, "name"), (Token.Generic.Deleted, "number"), (Token.Generic.Inserted, "string"),
)  # fmt: skip


def highlight(source: str, language: str, stack: Stack = ("root",)) -> tuple[list[Coloured], Stack]:
    """The lines of `source`, coloured, and the state to go on with in the next stretch."""
    lexer = lexer_for(language)
    if lexer is None:
        return [[(line, "code")] for line in source.split("\n")], stack
    lines: list[Coloured] = [[]]
    states = list(stack)
    for kind, text in _tokens(lexer, source + "\n", states):
        style = _style_of(kind)
        for number, piece in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if piece:
                _append(lines[-1], piece, style)
    return lines[: source.count("\n") + 1], tuple(states)


@lru_cache(64)
def lexer_for(language: str) -> Lexer | None:
    """Pygments' lexer of that name, None if there is none."""
    try:
        return get_lexer_by_name(language.lower()) if language else None
    except ClassNotFound:
        return None


def _append(line: Coloured, piece: str, style: str) -> None:
    """Blanks take the style of what is before them: fewer changes of colour, fewer bytes."""
    if line and (piece.isspace() or line[-1][1] == style):
        line[-1] = (line[-1][0] + piece, line[-1][1])
    else:
        line.append((piece, "code" if piece.isspace() else style))


@lru_cache(512)
def _style_of(kind: _TokenType) -> str:
    return next((style for parent, style in _STYLES if kind in parent), "code")


def _tokens(lexer: Lexer, text: str, stack: list[str]) -> Iterator[tuple[_TokenType, str]]:
    """Tokens of `text`, begun in the state `stack`, which is changed to that at the end.

    Only Pygments' own two loops can be taken up in the middle; other lexers begin afresh each time.
    """
    loop = type(lexer).get_tokens_unprocessed
    if loop is RegexLexer.get_tokens_unprocessed:
        yield from _regex_tokens(lexer, text, stack)
    elif loop is ExtendedRegexLexer.get_tokens_unprocessed:
        context = LexerContext(text, 0, stack)
        for _, kind, value in lexer.get_tokens_unprocessed(context=context):
            yield kind, value
        stack[:] = context.stack
    else:
        for _, kind, value in lexer.get_tokens_unprocessed(text):
            yield kind, value


def _regex_tokens(lexer: Any, text: str, stack: list[str]) -> Iterator[tuple[_TokenType, str]]:
    """`RegexLexer.get_tokens_unprocessed`, but for a stack that outlives it."""
    rules = lexer._tokens
    at = 0
    while at < len(text):
        for match_at, action, change in rules[stack[-1]]:
            match = match_at(text, at)
            if match is None:
                continue
            if isinstance(action, _TokenType):
                yield action, match.group()
            elif action is not None:
                for _, kind, value in action(lexer, match):
                    yield kind, value
            at = match.end()
            if change is not None:
                _change(stack, change)
            break
        else:
            if text[at] == "\n":
                stack[:] = ["root"]
            yield Token.Error if text[at] != "\n" else Token.Text, text[at]
            at += 1


def _change(stack: list[str], change: Any) -> None:
    """What a rule does to the stack of states: names to push, or how many to pop."""
    if isinstance(change, int):
        del stack[max(1, len(stack) + change) if change < 0 else change :]
        return
    for state in (change,) if isinstance(change, str) else change:
        if state == "#pop":
            del stack[max(1, len(stack) - 1) :]
        else:
            stack.append(stack[-1] if state == "#push" else state)
