"""From observations to one message: rules, findings, digest, outbox, receivers.

Order of reading: ``model`` (the words), ``rules`` (what is asked), ``evaluate``
(findings), ``digest`` (the model of one message), ``render`` and ``receivers``
(how each target shows it), ``outbox`` (what must still be sent).
"""
