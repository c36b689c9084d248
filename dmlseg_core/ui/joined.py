"""Plain ES modules sent as one file: forty requests before the first picture are too many.

Nothing is built and nothing is kept: each module becomes a function that returns what it exports,
imports become names taken from those. That needs the style that ours are written in: imports are
`import { a, b as c } from "./name.js";` on one line, exports stand before their declaration.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "\./(\w+)\.js";$', re.M)
_EXPORT = re.compile(r"^export ((?:async )?function|const|let|class) (\w+)", re.M)
_LEFT = re.compile(r"^(?:import|export)\b", re.M)


def joined(read: Callable[[str], str], main: str) -> str:
    """One script of a module and all that it imports, in the order in which browsers run them.

    Args:
        read: the source of a module's name ("main" of main.js).
        main: name of the module that begins.

    Raises:
        ValueError: modules that import each other, or a module of another style.
    """
    parts: dict[str, str] = {}
    _add(read, main, parts, ())
    return "\n".join(parts.values())


def _add(
    read: Callable[[str], str], name: str, parts: dict[str, str], above: tuple[str, ...]
) -> None:
    if name in parts:
        return
    if name in above:
        raise ValueError(f"{name}.js imports itself, by {' and '.join(above)}")
    source = read(name)
    for found in _IMPORT.finditer(source):
        _add(read, found[2], parts, (*above, name))
    parts[name] = _wrapped(name, source)


def _wrapped(name: str, source: str) -> str:
    body = _IMPORT.sub(lambda m: f"const {{ {m[1].replace(' as ', ': ')} }} = ${m[2]};", source)
    exports = ", ".join(found[2] for found in _EXPORT.finditer(body))
    body = _EXPORT.sub(r"\1 \2", body)
    if left := _LEFT.search(body):
        line = body[left.start() :].strip().splitlines()[0]
        raise ValueError(f"{name}.js: this cannot be joined: {line}")
    return f"const ${name} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();"
