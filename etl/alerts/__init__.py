"""From observations to one message: rules, findings, digest, outbox, receivers.

Order of reading: ``model`` (the words), ``rules`` (what is asked), ``evaluate``
(findings), ``learned`` (what an evaluation looks at), ``state``, ``telling`` and ``memory``
(findings with memory: alerts), ``rounds`` (one evaluation), ``digest`` (the model of one message), ``render`` and ``receivers``
(how each target shows it), ``outbox`` (what must still be sent).
"""
