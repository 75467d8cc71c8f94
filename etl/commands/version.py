"""``eventlake version``."""

from __future__ import annotations

import click

from etl import __version__
from etl.commands.invocation import Invocation


@click.command()
@click.pass_obj
def version(invocation: Invocation) -> None:
    """Print the version."""
    invocation.print(__version__)
