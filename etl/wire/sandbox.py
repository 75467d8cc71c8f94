"""The language of a leaf: Jinja's expressions with ``if``, ``for`` and ``set``, which cannot blow up.

Jinja's sandbox stops a template from reaching Python, but not from asking for ten
gigabytes. What could do that is refused or measured here before it runs: operators on
big operands, methods and filters that make long texts from short ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, Template, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from etl.wire import escaping

# Twice the default budget of a webhook's body; an operation on texts stops at the same size.
LARGEST_TEXT = 2_000_000
_LARGEST_LIST = 100_000
# 2 ** 4096 still takes no time; nobody needs it.
_LARGEST_INTEGER_BITS = 4096

# What is missing here makes text of any length from nothing (center, format, indent), leaves the
# sandbox's view (attr), or calls for chance (random).
# fmt: off
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "groupby", "int",
    "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "reverse", "round", "select", "selectattr", "sort", "string", "sum", "title", "trim",
    "truncate", "unique", "upper", "urlencode", "wordcount",
)
_TEXT_METHODS = {
    "capitalize", "count", "endswith", "find", "isdigit", "lower", "lstrip", "removeprefix",
    "removesuffix", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
}
# fmt: on
_REFUSED_NODES: dict[type[nodes.Node], str] = {
    nodes.Concat: "the operator ~ (write two {{ }} side by side, or +)",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter blocks",
    nodes.AssignBlock: "set blocks",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "block",
}


@lru_cache(maxsize=512)
def template(source: str) -> Template:
    """Compile a leaf; raises ``TemplateError`` for what the language of leaves does not have."""
    tree = _environment().parse(source)
    for kind, name in _REFUSED_NODES.items():
        if tree.find(kind) is not None:
            raise SecurityError(f"a leaf cannot use {name}")
    if any(loop.recursive for loop in tree.find_all(nodes.For)):
        raise SecurityError("a leaf cannot use recursive loops")
    return _environment().from_string(tree)


@lru_cache(maxsize=128)
def expression(source: str) -> Callable[[Mapping[str, object]], object]:
    """Compile an expression that keeps its type; the same things are refused as in a leaf."""
    template(f"{{{{ {source} }}}}")
    return _environment().compile_expression(source, undefined_to_none=False)


def names(source: str) -> set[str]:
    """Return the names that a leaf takes from its context."""
    return meta.find_undeclared_variables(_environment().parse(source))


def refuse_length(length: int, sample: object) -> None:
    """Raise ``SecurityError`` if a text, or another collection, would become that long."""
    limit = LARGEST_TEXT if isinstance(sample, str) else _LARGEST_LIST
    if length > limit:
        raise SecurityError(f"the result would be longer than {limit:,}")


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, which stops escapes, and the limits that it leaves to us."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Refuse operations whose result would be huge, before they run."""
        if operator == "%" and isinstance(left, str | bytes):
            raise SecurityError("% formats numbers only; use {{ }} to put texts together")
        if operator == "*":
            _refuse_product(left, right)
        if operator == "**":
            _refuse_power(left, right)
        if (
            operator == "+"
            and isinstance(left, str | list | tuple)
            and isinstance(right, Collection)
        ):
            refuse_length(len(left) + len(right), left)
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: object) -> None:
        """Leave ``str.format`` to ``is_safe_attribute``: Jinja's wrapper keeps its width unlimited."""
        del value

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Allow of a text's methods those whose result is no longer than the text."""
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        return super().is_safe_attribute(obj, attr, value)


def _replace(text: object, old: str, new: str, count: int | None = None) -> str:
    """Replace as Jinja does, within the cap: the longest possible result is known before."""
    text = str(text)
    refuse_length(len(text) + (len(text) // max(1, len(old)) + 1) * len(new), text)
    return text.replace(old, new, -1 if count is None else count)


def _join(values: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    """Join as Jinja does, within the cap."""
    items = [v[attribute] if attribute and isinstance(v, Mapping) else v for v in values]
    texts = [str(item) for item in items]
    refuse_length(sum(map(len, texts)) + len(separator) * len(texts), "")
    return separator.join(texts)


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    environment.globals.clear()
    chosen: dict[str, Callable[..., object]] = {name: FILTERS[name] for name in _FILTERS}
    chosen |= {
        "join": _join,
        "replace": _replace,
        # For templates that build chat markup from single fields: strangers wrote these.
        "markdown": lambda text: escaping.markdown(escaping.one_line(str(text))),
        "one_line": lambda text, limit=escaping.SAMPLE_CHARACTERS: escaping.one_line(
            str(text), min(int(limit), _LARGEST_LIST)
        ),
    }
    environment.filters.clear()
    environment.filters.update(chosen)
    return environment


def _refuse_product(left: object, right: object) -> None:
    for sequence, times in ((left, right), (right, left)):
        if isinstance(sequence, str | bytes | list | tuple) and isinstance(times, int):
            refuse_length(len(sequence) * max(0, times), sequence)
    if isinstance(left, int) and isinstance(right, int):
        _refuse_bits(left.bit_length() + right.bit_length())


def _refuse_power(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _refuse_bits(left.bit_length() * abs(right))


def _refuse_bits(bits: int) -> None:
    if bits > _LARGEST_INTEGER_BITS:
        raise SecurityError("the number would be too large")
