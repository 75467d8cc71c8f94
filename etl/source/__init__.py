"""Where events come from: a live cluster, a dump, the embedded sample; all to one Arrow table.

``live`` (the only user of the kubernetes package) and ``dump`` bring bytes,
``decode`` makes structs of them, ``normalise`` makes rows. Nothing here knows the lake.
"""
