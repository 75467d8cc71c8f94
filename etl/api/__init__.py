"""The public Python API: a lake to DataFrames, for notebooks and programs.

Order of reading: ``said`` (what people write for a time, in our terms), ``picture`` (the
sessions of one moment), ``opened`` (what all answers have in common), ``rule`` (a rule over
history), ``lake`` (what ``etl.open`` returns).

The rule of the room: it answers what the commands answer, by the same reports, statements and
walls, and adds nothing to it. Like ``cli`` it is an outermost caller: it reads the environment
and the clock, where they are not given, and nobody below it does.
"""

from etl.api.lake import Lake

__all__ = ["Lake"]
