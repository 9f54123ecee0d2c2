"""
The seams: zope interfaces through which the parts of pymta, and yours, meet.

Each docstring says who calls, in which order, who owns what is passed, what may be raised and
what is durable when an awaitable fires.  Three rules hold for all of them:

* a method that may wait returns an awaitable, a coroutine or a ``Deferred``, and its caller
  awaits it there and then, once;
* an expected answer is a value; :class:`~pymta.errors.Refused` is a "no" that the peer hears,
  and any other exception is a surprise, which the four fences turn into "try again later";
* an option is an interface of its own, found with ``providedBy``; no method raises
  ``NotImplementedError``.
"""
