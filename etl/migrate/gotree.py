"""The pieces of a Go template to a tree: texts, printed pipelines, branches and loops.

Nothing is evaluated or refused for its meaning here; ``leaf`` says what each of it becomes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from etl.migrate.gotext import Piece, Place, Word, pieces

_BLOCKS = ("if", "range", "with")
_REFUSED = {
    "define": "define (a template within the template)",
    "template": "template (a template within the template)",
    "block": "block (a template within the template)",
    "break": "break",
    "continue": "continue",
}
# A template as deep as this was written by a machine.
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Operand:
    """A constant, a field, a variable or a pipeline in parentheses; ``fields`` follow it.

    ``kind`` is string, number, bool, nil, dot, variable, pipe or function; ``value`` its text.
    """

    kind: str
    value: str
    place: Place
    fields: tuple[str, ...] = ()
    pipe: Pipe | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """An operand, or a function or method with its arguments."""

    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands of which each is given the result of the one before as its last argument.

    ``declares`` are the variables that it sets, ``assigns`` whether they are there already.
    """

    commands: tuple[Command, ...]
    place: Place
    declares: tuple[str, ...] = ()
    assigns: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """What stands between actions."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Print:
    """An action that prints its value, or only sets a variable; ``quoted`` where that is within a JSON string."""

    pipe: Pipe
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """``if``, ``range`` or ``with``: a pipeline, what follows if it holds, and what if not."""

    word: str
    pipe: Pipe
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


Node = Text | Print | Block


def parse(source: str) -> tuple[Node, ...]:
    """Return the tree of a template; raises ``TemplateError`` with line and column."""
    stream = _Stream(pieces(source))
    nodes, ending = _nodes(stream, 0)
    if ending is not None:
        raise ending.place.refuse(f"{ending.text} without a block that it belongs to")
    return nodes


class _Stream:
    """Pieces, of which the one that ended a list of nodes can be asked for."""

    def __init__(self, found: Iterator[Piece]) -> None:
        self._found = found
        self.rest: tuple[Word, ...] = ()

    def __iter__(self) -> Iterator[Piece]:
        return self._found


def _nodes(stream: _Stream, depth: int) -> tuple[tuple[Node, ...], Word | None]:
    """Read nodes up to ``else`` or ``end``, which is returned with them; null at the end of the text."""
    found: list[Node] = []
    for piece in stream:
        if piece.words is None:
            found.append(Text(piece.text, piece.place))
            continue
        if not piece.words:
            raise piece.place.refuse("the action is empty")
        first = piece.words[0]
        word = first.text if first.kind == "name" else ""
        if word in {"else", "end"}:
            stream.rest = piece.words[1:]
            return tuple(found), first
        if word in _REFUSED:
            raise first.place.refuse(f"{_REFUSED[word]} has no counterpart in a leaf")
        if word in _BLOCKS:
            found.append(_block(word, piece.words, stream, depth + 1))
        else:
            found.append(Print(_pipe(list(piece.words), piece.place)))
    return tuple(found), None


def _block(word: str, words: tuple[Word, ...], stream: _Stream, depth: int) -> Block:
    place = words[0].place
    if depth > _DEEPEST:
        raise place.refuse("blocks are nested too deeply")
    pipe = _pipe(list(words[1:]), place)
    then, ending = _nodes(stream, depth)
    otherwise: tuple[Node, ...] = ()
    if ending is not None and ending.text == "else":
        if stream.rest:
            # "else if" is an if in the else that shares its end.
            inner = stream.rest[0]
            if inner.text not in {"if", "with"} or inner.kind != "name":
                raise inner.place.refuse("behind else only if and with may stand")
            return Block(word, pipe, then, (_block(inner.text, stream.rest, stream, depth + 1),))
        otherwise, ending = _nodes(stream, depth)
    if ending is None or ending.text != "end":
        raise place.refuse(f"{word} has no end")
    if stream.rest:
        raise ending.place.refuse("nothing may stand behind end")
    return Block(word, pipe, then, otherwise)


def _pipe(words: list[Word], place: Place) -> Pipe:
    """Read a whole pipeline."""
    declares: tuple[str, ...] = ()
    assigns = False
    for number, word in enumerate(words):
        if word.kind == "mark" and word.text in {":=", "="}:
            names = [one for one in words[:number] if one.text != ","]
            if any(one.kind != "variable" or "." in one.text for one in names) or not names:
                raise word.place.refuse("only variables can be set")
            declares, assigns = tuple(one.text for one in names), word.text == "="
            words = words[number + 1 :]
            break
    reader = _Reader(words, place)
    pipe = reader.pipe()
    if reader.words:
        raise reader.words[0].place.refuse(f"{reader.words[0].text!r} is not expected here")
    return Pipe(pipe.commands, place, declares, assigns)


class _Reader:
    """Takes words from the front."""

    def __init__(self, words: list[Word], place: Place) -> None:
        self.words = words
        self._place = place

    def pipe(self) -> Pipe:
        """Read commands up to a closing parenthesis or the end."""
        commands = [self._command()]
        while self.words and self.words[0].text == "|" and self.words[0].kind == "mark":
            self.words.pop(0)
            commands.append(self._command())
        return Pipe(tuple(commands), self._place)

    def _command(self) -> Command:
        operands = []
        while self.words and not (self.words[0].kind == "mark" and self.words[0].text in "|)"):
            operands.append(self._operand())
        if not operands:
            raise self._place.refuse("a value is missing")
        return Command(tuple(operands))

    def _operand(self) -> Operand:
        word = self.words.pop(0)
        if word.text == "(" and word.kind == "mark":
            return self._parenthesis(word)
        if word.kind == "variable":
            name, *fields = word.text.split(".")
            return Operand("variable", name, word.place, tuple(fields))
        if word.kind == "field":
            return Operand("dot", "", word.place, _fields(word.text))
        if word.kind not in {"string", "number", "dot", "name"}:
            raise word.place.refuse(f"{word.text!r} is not expected here")
        kind = word.kind
        if kind == "name":
            kind = {"true": "bool", "false": "bool", "nil": "nil"}.get(word.text, "function")
        return Operand(kind, "" if kind == "dot" else word.text, word.place)

    def _parenthesis(self, word: Word) -> Operand:
        pipe = self.pipe()
        if not self.words or self.words[0].text != ")":
            raise word.place.refuse("the parenthesis is not closed")
        self.words.pop(0)
        fields: tuple[str, ...] = ()
        if self.words and self.words[0].kind == "field" and not self.words[0].spaced:
            fields = _fields(self.words.pop(0).text)
        return Operand("pipe", "", word.place, fields, pipe)


def _fields(text: str) -> tuple[str, ...]:
    return tuple(text[1:].split("."))
