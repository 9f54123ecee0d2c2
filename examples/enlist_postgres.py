"""
An application queues mail in its own database transaction: an order is marked paid and its receipt
is queued, or neither.  A mail system on the same database delivers it.

``python examples/enlist_postgres.py postgresql://USER@HOST/NAME FOLDER [POP3-PORT]``, then read the
mail of ann@example.test.  The folder is for content that is too large for a row.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
from twisted.internet import defer, task, threads
from twisted.internet.endpoints import serverFromString

from pymta import Address, Listening, MailService, MailSystem
from pymta.components.parts import Job
from pymta.components.people import springing
from pymta.components.stores import memory_stores
from pymta.content import own_mail
from pymta.database import Database
from pymta.interfaces.content import NewMail, QueueID
from pymta.queue.sql import SQLQueueStore

ORDERS = """
CREATE TABLE IF NOT EXISTS orders (id INT PRIMARY KEY, customer TEXT, credit INT, paid INT);
INSERT INTO orders VALUES (1, 'ann@example.test', 1, 0), (2, 'bob@example.test', 0, 0)
ON CONFLICT DO NOTHING
"""
SHOP = Address("shop", "example.test")


def receipt(order: int, customer: str) -> NewMail:
    text = f"From: {SHOP}\r\nTo: {customer}\r\nSubject: Order {order}\r\n\r\nThanks!\r\n"
    return own_mail(
        text.encode(),
        sender=SHOP,
        recipients=[Address.parse(customer)],
        id=QueueID(f"receipt-{order}"),  # queued once, however often it is tried
        arrived=datetime.now(UTC),
    )


def pay(url: str, queue: SQLQueueStore, order: int) -> str:
    """In a thread: it waits for the server."""
    try:
        with psycopg.connect(url) as connection:  # commits at its end, or rolls back
            query = "UPDATE orders SET paid = 1 WHERE id = %s RETURNING customer, credit"
            [(customer, credit)] = connection.execute(query, (order,)).fetchall()
            queue.enlist(connection, [receipt(order, customer)])
            if not credit:
                raise ValueError("declined")
    except ValueError as error:
        return f"order {order}: {error}"
    return f"order {order}: paid"


async def main(reactor: Any, url: str, folder: str, pop3: str = "2110") -> None:
    database = Database(reactor, folder, url=url)
    queue = SQLQueueStore(database)
    kept = memory_stores(reactor, now=lambda: datetime.now(UTC))
    stores = replace(kept, queue=queue, parts=(Job(database.open, database.close),))
    people = springing(["example.test"])
    system = MailSystem(reactor, domains=["example.test"], stores=stores, people=people)
    endpoint = serverFromString(reactor, f"tcp:{pop3}:interface=127.0.0.1")
    listening = Listening("pop3", endpoint, system.pop3())
    service = MailService(reactor, system.parts, [listening])
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    service.startService()
    await service.ready
    with psycopg.connect(url) as connection:
        connection.execute(ORDERS)
    for order in (1, 2):
        print(await threads.deferToThread(pay, url, queue, order))
    print(f"pop3 {listening.address}", flush=True)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
