"""A Go template to one of our leaves: the same text for every event, or an error that names line and column.

Variables are put in where they are used, and ``.`` is whatever it stands for there, so
that a leaf says plainly what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as field_

from etl.migrate import functions
from etl.migrate.expression import Value, constant, literal
from etl.migrate.fields import ROOT, field
from etl.migrate.gotree import Block, Command, Node, Operand, Pipe, Print, Text, parse

# What Jinja would take for its own, and a line end that it would rewrite.
_JINJA = re.compile(r"\{\{|\{%|\{#|\r")


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds where a node stands: ``dot``, variables, within how many blocks, and what stands for fields.

    ``instead`` has values for single fields of the event that a tool changes before its
    template sees them. ``zone`` is the one in which the tool printed times.
    """

    dot: Value = ROOT
    variables: Mapping[str, Value] = field_(default_factory=lambda: {"$": ROOT})
    instead: Mapping[str, Value] = field_(default_factory=dict)
    zone: str = ""
    depth: int = 0


def translate(source: str, terms: Terms | None = None) -> str:
    """Return the leaf for a Go template; raises ``TemplateError``."""
    return written(parse(source), terms or Terms())


def written(nodes: Sequence[Node], terms: Terms) -> str:
    """Return the leaf for the nodes of a template; raises ``TemplateError``."""
    found: list[str] = []
    for node in nodes:
        if isinstance(node, Text):
            found.append(escaped(node.text))
        elif isinstance(node, Print):
            terms, code = _printed(node, terms)
            if code:
                found = joined(found, f"{{{{ {code} }}}}")
        else:
            found = joined(found, _block(node, terms))
    return "".join(found)


def joined(before: list[str], action: str) -> list[str]:
    """Return the parts of a leaf with an action behind them: a brace before it is no part of it."""
    if before and before[-1].endswith("{"):
        before = [*before[:-1], before[-1][:-1] + "{{ '{' }}"]
    return [*before, action]


def parts(nodes: Sequence[Node], terms: Terms) -> list[tuple[Node, str, Value | None]]:
    """Return each node that is not only a variable, with its leaf, and with its value where it is printed."""
    found: list[tuple[Node, str, Value | None]] = []
    for node in nodes:
        if isinstance(node, Print):
            now = terms
            terms, code = _printed(node, terms)
            if code:
                found.append((node, f"{{{{ {code} }}}}", evaluate(node.pipe, now)))
        else:
            found.append((node, written([node], terms), None))
    return found


def escaped(text: str) -> str:
    """Return a text as the leaf that is this text."""
    return _JINJA.sub(lambda found: f"{{{{ {literal(found[0])} }}}}", text)


def evaluate(pipe: Pipe, terms: Terms) -> Value:
    """Return the value of a pipeline; raises ``TemplateError``."""
    value: Value | None = None
    for command in pipe.commands:
        value = _command(command, value, terms)
    assert value is not None, "the parser gives no empty pipeline"  # noqa: S101
    return value


def _printed(node: Print, terms: Terms) -> tuple[Terms, str]:
    """Return what holds behind the action, and the expression that it prints, empty for none."""
    pipe = node.pipe
    value = evaluate(pipe, terms)
    if not pipe.declares:
        code = value.text(pipe.place)
        # JSON of a text, without its quotes: what may stand between those of the template.
        return terms, f"json({code})[1:-1]" if node.quoted else code
    if pipe.assigns and terms.depth:
        raise pipe.place.refuse("a variable that is changed within a block has no counterpart")
    if len(pipe.declares) > 1:
        raise pipe.place.refuse("two variables can be set by range only")
    return replace(terms, variables={**terms.variables, pipe.declares[0]: value}), ""


def _block(block: Block, terms: Terms) -> str:
    inner = replace(terms, depth=terms.depth + 1)
    if block.word == "range":
        return _loop(block, inner)
    value = evaluate(block.pipe, terms)
    variables = {**terms.variables, **dict.fromkeys(block.pipe.declares, value)}
    inner = replace(inner, variables=variables)
    dot = value if block.word == "with" else terms.dot
    then = written(block.then, replace(inner, dot=dot))
    otherwise = written(block.otherwise, inner)
    middle = f"{{% else %}}{otherwise}" if otherwise else ""
    return f"{{% if {value.truth()} %}}{then}{middle}{{% endif %}}"


def _loop(block: Block, terms: Terms) -> str:
    pipe = block.pipe
    value = evaluate(pipe, terms)
    key, item = f"key{terms.depth}", f"item{terms.depth}"
    if value.kind == "map":
        over = f"for {key}, {item} in {value.part}|dictsort(true)"
    elif value.kind == "list":
        over = f"for {item} in {value.part}"
    else:
        raise pipe.place.refuse(f"range over a {value.name or value.kind}")
    one, name = Value(item, "text"), Value(key, "text")
    if value.kind == "list":
        name = Value("loop.index0", "int")
    declared = pipe.declares
    variables = dict(terms.variables)
    if declared:
        variables[declared[-1]] = one
    if len(declared) > 1:
        variables[declared[0]] = name
    body = written(block.then, replace(terms, dot=one, variables=variables))
    otherwise = written(block.otherwise, terms)
    middle = f"{{% else %}}{otherwise}" if otherwise else ""
    return f"{{% {over} %}}{body}{middle}{{% endfor %}}"


def _command(command: Command, piped: Value | None, terms: Terms) -> Value:
    first, *others = command.operands
    if first.kind == "function":
        arguments = [_operand(one, terms) for one in others]
        return functions.call(first.value, arguments + ([piped] if piped else []), first.place)
    if first.fields and (others or piped):
        return _method(first, [_operand(one, terms) for one in others], piped, terms)
    if others or piped:
        raise first.place.refuse("what is no function is given arguments")
    return _operand(first, terms)


def _method(operand: Operand, arguments: list[Value], piped: Value | None, terms: Terms) -> Value:
    """Return a method with arguments; a time's Format is the one that there is."""
    given = arguments + ([piped] if piped else [])
    name = operand.fields[-1]
    of = _operand(replace(operand, fields=operand.fields[:-1]), terms)
    if of.kind == "time" and name == "Format" and len(given) == 1:
        return functions.call("date", [given[0], of], operand.place)
    raise operand.place.refuse(f".{name} is given arguments, which it does not take")


def _operand(operand: Operand, terms: Terms) -> Value:
    value = _base(operand, terms)
    for name in operand.fields:
        if value == ROOT and name in terms.instead:
            value = terms.instead[name]
        else:
            value = field(value, name, operand.place)
    return replace(value, name=terms.zone) if value.kind == "time" else value


def _base(operand: Operand, terms: Terms) -> Value:
    """Return the value of an operand without the fields behind it."""
    if operand.pipe is not None:
        return evaluate(operand.pipe, terms)
    if operand.kind == "variable" and operand.value not in terms.variables:
        raise operand.place.refuse(f"there is no variable {operand.value}")
    return _BASES[operand.kind](operand, terms)


def _number(operand: Operand, terms: Terms) -> Value:
    del terms
    if "." in operand.value:
        raise operand.place.refuse("numbers with a fraction are not translated")
    number = str(int(operand.value, 16 if "x" in operand.value.lower() else 10))
    return Value(number, "int", constant=number)


_BASES: dict[str, Callable[[Operand, Terms], Value]] = {
    "dot": lambda _, terms: terms.dot,
    "string": lambda operand, _: constant(operand.value),
    "number": _number,
    "bool": lambda operand, _: Value(operand.value, "bool"),
    "nil": lambda _, __: Value("none", "nil"),
    "variable": lambda operand, terms: terms.variables[operand.value],
    "function": lambda operand, _: functions.call(operand.value, [], operand.place),
}
