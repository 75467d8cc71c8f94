"""eventlake: the history, analysis and alerting of Kubernetes events.

The rooms, in the order in which the data passes them: ``source`` reads events
from a cluster or a dump, ``lake`` keeps them, ``reports`` and ``alerts`` answer
from it, ``wire`` speaks to the outside. ``pipeline`` puts the steps in order and
``cli`` is the only module that reads arguments, the environment and the clock.
"""

__version__ = "0.1.0"
