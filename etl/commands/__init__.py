"""One file a command (or a family of them): options in, pipeline called, output written.

A command's module is imported when the command is asked for, so that ``--help`` and
small commands start at once; heavy libraries are imported inside the function that
needs them, for the same reason. Commands take time, environment and streams from
``Invocation``, never from the world.
"""
