"""
Observers: who is told what happens (:class:`~pymta.interfaces.observe.IObserver`).

``log`` writes one line an event; ``tee`` tells several observers; ``redaction`` is how addresses
look in a log.
"""
