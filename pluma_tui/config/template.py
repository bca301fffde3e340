"""`images.template`: what pictures may be called. It is checked where it is set and where it is filled in."""

import re

from pluma_tui.core.errors import ConfigError

NAMES = ("date", "time", "seed", "slug", "profile")
"""What a template may name, in braces."""
FIELD = re.compile(r"([-_ ]?)\{([^{}]*)\}")
"""A field, with the one separator before it."""
_KEY = "images.template"
_FIELDS = f"The fields are {', '.join(NAMES)}."
_EXAMPLE = f'For example "{{date}}/{{time}}-{{seed}}-{{slug}}". {_FIELDS}'


def check(template: str) -> None:
    """Raise ConfigError for one that leads out of its folder, or names what there is not."""
    for _, name in FIELD.findall(template):
        if name not in NAMES:
            raise ConfigError(f"there is no {{{name}}}", hint=_FIELDS, key=_KEY)
    if set("{}") & set(FIELD.sub("", template)):
        raise ConfigError(f'a brace of "{template}" stands alone', hint=_EXAMPLE, key=_KEY)
    if not template.isprintable() or any(part in ("", ".", "..") for part in template.split("/")):
        raise ConfigError(f'"{template}" is no path inside the folder', hint=_EXAMPLE, key=_KEY)
