r"""Regular expressions of RE2, DuckDB's, to Java's, Spark's: what matches stays the same.

The two read nearly the same language. They differ in what a dot, ``$``, ``\s`` and ``\b``
mean, in what a bracket means within a class, and in how replacements name groups
(https://github.com/google/re2/wiki/Syntax and java.util.regex.Pattern of Java 17).
"""

from __future__ import annotations

import re

# Java: \b looks at letters of all alphabets (until 19), RE2 at those of ASCII.
_EDGE = r"(?:(?<=\w)(?!\w)|(?<!\w)(?=\w))"
_NO_EDGE = r"(?:(?<=\w)(?=\w)|(?<!\w)(?!\w))"
# Java: \s also is a vertical tab.
_OUTSIDE = {"b": _EDGE, "B": _NO_EDGE, "s": r"[\t\n\f\r ]", "S": r"[^\t\n\f\r ]", "C": "."}
_INSIDE = {"s": r"\t\n\f\r ", "S": r"[^\t\n\f\r ]"}
_POSIX = re.compile(r"\[:(\^?)(\w+):\]")
_POSIX_NAMES = {
    "alnum": "Alnum",
    "alpha": "Alpha",
    "ascii": "ASCII",
    "blank": "Blank",
    "cntrl": "Cntrl",
    "digit": "Digit",
    "graph": "Graph",
    "lower": "Lower",
    "print": "Print",
    "punct": "Punct",
    "upper": "Upper",
    "xdigit": "XDigit",
}
_TIMES = re.compile(r"\{\d+(?:,\d*)?\}")
_NAMED = re.compile(r"\(\?P?<[^=!>][^>]*>")
_MANY_LINES = re.compile(r"\(\?[a-z]*m")
_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\((?!\?)|\(\?P?<[^=!]", re.DOTALL)


def java(pattern: str, options: str = "") -> str:
    """Return what Java finds where RE2 finds ``pattern``; ``options`` are the letters that DuckDB takes."""
    # d: a line ends with \n alone; u: what (?i) means for letters beyond ASCII.
    flags = "du" + "".join(letter for letter in "is" if letter in options)
    return f"(?{flags}){_converted(pattern)}"


def whole(pattern: str, options: str = "") -> str:
    """Return what Java finds where RE2 matches the whole text."""
    return java(rf"\A(?:{pattern})\z", options)


def first(pattern: str, options: str = "") -> str:
    """Return what matches a whole text, the first match in it between groups of what is around."""
    return java(rf"\A((?s:.*?))(?:{pattern})((?s:.*))\z", options)


def first_replaced(pattern: str, replacement: str) -> str:
    """Return the replacement that goes with ``first``: the groups are one further."""
    last = _groups(pattern) + 2
    return "$1" + _written(replacement, 1) + f"${last}"


def replaced(replacement: str) -> str:
    r"""Return Java's form of a replacement in which groups stand as ``\1``."""
    return _written(replacement, 0)


def _groups(pattern: str) -> int:
    return sum(found.startswith("(") for found in _GROUP.findall(pattern))


def _written(replacement: str, further: int) -> str:
    made, position = "", 0
    while position < len(replacement):
        sign, after = replacement[position], replacement[position + 1 : position + 2]
        position += 1
        if sign == "\\" and after.isdigit():
            position += 1
            made += f"${int(after) + further}"
            # Java takes as many digits as there are groups, RE2 one.
            if replacement[position : position + 1].isdigit():
                made += "\\"
        elif sign == "\\" and after == "\\":
            position += 1
            made += "\\\\"
        else:
            made += f"\\{sign}" if sign in "$\\" else sign
    return made


def _converted(pattern: str) -> str:
    many_lines = bool(_MANY_LINES.search(pattern))
    made, position = [], 0
    while position < len(pattern):
        sign = pattern[position]
        if sign == "\\":
            letter = pattern[position + 1 : position + 2]
            made.append(_OUTSIDE.get(letter, sign + letter))
            position += 2
        elif sign == "[":
            text, position = _class(pattern, position)
            made.append(text)
        elif sign == "$" and not many_lines:
            # Java: $ also is before a line break that ends the text.
            made.append(r"\z")
            position += 1
        elif sign == "{" and not _TIMES.match(pattern, position):
            made.append(r"\{")
            position += 1
        elif sign == "(" and (named := _NAMED.match(pattern, position)):
            # Groups are asked for by number only, and Java's names have no underscore.
            made.append("(")
            position = named.end()
        else:
            made.append(sign)
            position += 1
    return "".join(made)


def _class(pattern: str, start: int) -> tuple[str, int]:
    """Return the class that begins at ``start`` as Java writes it, and where it ends."""
    made, position = "[", start + 1
    if pattern.startswith("^", position):
        made, position = made + "^", position + 1
    # A bracket that comes first stands for itself.
    if pattern.startswith("]", position):
        made, position = made + r"\]", position + 1
    while position < len(pattern) and pattern[position] != "]":
        sign = pattern[position]
        posix = _POSIX.match(pattern, position)
        if posix and posix[2] in _POSIX_NAMES:
            made += (r"\P" if posix[1] else r"\p") + "{" + _POSIX_NAMES[posix[2]] + "}"
            position = posix.end()
        elif sign == "\\":
            letter = pattern[position + 1 : position + 2]
            made += _INSIDE.get(letter, sign + letter)
            position += 2
        else:
            # Java reads a class within a class, and && as what two have in common.
            made += f"\\{sign}" if sign in "[&" else sign
            position += 1
    return made + "]", position + 1
