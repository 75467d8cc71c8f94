"""A threshold such as ``>= 20``: what makes a value a finding."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

_FORM = re.compile(r"(>=|<=|==|!=|>|<)\s*([-+]?\d+(?:\.\d+)?)")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}

_FUNCTIONS: Mapping[str, Callable[[pa.ChunkedArray, float], pa.ChunkedArray]] = {
    ">": pc.greater,
    ">=": pc.greater_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    "==": pc.equal,
    "!=": pc.not_equal,
}

# A count that is not whole is at least what was seen, so it proves these no more than a gap does.
_LITTLE = ("<", "<=", "==")


@dataclass(frozen=True, slots=True)
class Threshold:
    """An operator and a number."""

    operator: str
    number: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``text``; raises ``ValueError`` that names the accepted form."""
        found = _FORM.fullmatch(text.strip())
        if found is None or not math.isfinite(float(found[2])):
            known = " ".join(_OPERATORS)
            message = f"{text!r} is not a threshold; write it like '>= 20', with one of {known}"
            raise ValueError(message)
        return cls(found[1], float(found[2]))

    @staticmethod
    def mistake(text: str) -> str:
        """Say what is wrong with ``text``; empty if nothing is."""
        try:
            Threshold.parse(text)
        except ValueError as error:
            return str(error)
        return ""

    def met(self, value: float) -> bool:
        """Say whether ``value`` is a finding; what is not a number never is."""
        return not math.isnan(value) and _OPERATORS[self.operator](value, self.number)

    def among(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Say of each of ``values`` (numbers) what ``met`` says of one; null is none."""
        numbers = pc.cast(values, pa.float64())
        return pc.and_(
            _FUNCTIONS[self.operator](numbers, self.number), pc.invert(pc.is_nan(numbers))
        )

    @property
    def seeks_little(self) -> bool:
        """Whether it asks for few or for none: then what nobody saw could meet it."""
        return self.operator in _LITTLE

    def __str__(self) -> str:
        """Write the threshold as ``parse`` reads it."""
        number = int(self.number) if self.number.is_integer() else self.number
        return f"{self.operator} {number}"
