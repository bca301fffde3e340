"""A code block's lines: on a background of their own, with the language above, coloured by Pygments."""

from pluma_tui.widgets.transcript.blocks import Code
from pluma_tui.widgets.transcript.highlight import Stack, highlight
from pluma_tui.widgets.transcript.lines import Line, Run, fold, line_of, padded, prefixed
from pluma_tui.widgets.transcript.look import Look

COLOUR_MAX = 1_000  # characters of a line that is coloured
AFRESH = 48  # stretches after which highlighting forgets what was before


def code_lines(code: Code, width: int, look: Look, number: int = 0) -> list[Line]:
    """The lines of a stretch of code, each `width` cells wide; `number` is its block's in the section."""
    background = look["code"]
    edge = (" ", background)
    lines: list[Line] = []
    if code.number == 0 and code.language:
        lines.append(
            padded(line_of([(f" {code.language}", look["code-label"])], margin=1), width, background)
        )
    for runs in _coloured(code, look):
        lines += (padded(line, width, background) for line in prefixed(fold(runs, width - 2), edge, edge))
    lines = lines or [padded(line_of([]), width, background)]  # a block without a word is one all the same
    return [line._replace(code=number) for line in lines]


def _coloured(code: Code, look: Look) -> list[list[Run]]:
    if any(len(line) > COLOUR_MAX for line in code.lines):
        return [[(line, look["code"])] for line in code.lines]
    lines = _highlight(code, _state_before(code)) if code.lines else []
    return [[(text, look[style]) for text, style in line] for line in lines]


def _highlight(code: Code, stack: Stack) -> list[list[tuple[str, str]]]:
    lines, after = highlight("\n".join(code.lines), code.language, stack)
    code.state[:] = [after]
    return lines


def _state_before(code: Code) -> Stack:
    """The state at the beginning of a stretch: that at the end of the one before."""
    missing = []
    at = code
    while at.before is not None and at.number % AFRESH and not at.before.state:
        at = at.before
        missing.append(at)
    stack: Stack = at.before.state[0] if at.before is not None and at.number % AFRESH else ("root",)
    for stretch in reversed(missing):
        _highlight(stretch, stack)
        stack = stretch.state[0]
    return stack
