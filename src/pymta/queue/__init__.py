"""
The queue: from "250" to the last recipient.

- ``ids`` names mails;
- ``schedule``, with ``feedback`` and ``retry``, decides who is next, how many at once, when again
  and when no more: pure, so that a year of queue life is a second of test;
- ``runner`` does what the schedule decides, with ``leases`` (what this process has claimed),
  ``attempt`` (one call of a delivery agent), ``expansion`` (lists), ``outcomes`` (what a result
  means for the recipient) and ``settling`` (one commit for many results);
- ``queue`` is the door for whoever sends mail; ``memory`` and ``sql`` keep it.
"""
