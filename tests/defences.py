"""
Switch each defence off, one at a time, and see its test fail.

``python -m tests.defences [ID …]`` copies the sources, makes one small change, runs the tests that
prove the defence, and expects them to fail.  docs/security.md has the table that it prints.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Defence:
    """
    :param off: ``before`` becomes ``after`` in ``file``.
    :param tests: what pytest is given.
    """

    id: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


DEFENCES = (
    Defence(
        id="S01",
        file="wire/smtp/data.py",
        before="                self.bare_newline = True",
        after="                pass",
        tests=("tests/wire/smtp/test_server_content.py", "-k", "s01"),
    ),
    Defence(
        id="S01",
        file="wire/_dots.py",
        before="        data = self._held + data\n",
        after='        data = (self._held + data).replace(b"\\n.\\n", _END)\n',
        tests=("tests/wire/smtp/test_server_attacks.py", "-k", "s01"),
    ),
    Defence(
        id="S02",
        file="wire/smtp/client.py",
        before="canonicaliser=None if binary else Canonicaliser()",
        after="canonicaliser=None",
        tests=("tests/wire/smtp/test_client_content.py", "-k", "s02"),
    ),
    Defence(
        id="S03",
        file="smtp/listener.py",
        before="newlines=settings.newlines,",
        after="newlines=type(settings.newlines).CANONICALISE,",
        tests=("tests/smtp/test_conversation.py", "-k", "s03"),
    ),
    Defence(
        id="S04",
        file="wire/smtp/server.py",
        before="        if len(self._in.lines):\n            self._write(answers.INJECTION)",
        after="        if not self:\n            self._write(answers.INJECTION)",
        tests=("tests/wire/smtp/test_server_attacks.py", "tests/smtp/test_login.py", "-k", "s04"),
    ),
    Defence(
        id="S05",
        file="wire/smtp/server.py",
        before="            self._told.append(TransactionAborted())",
        after="            pass",
        tests=("tests/wire/smtp", "-k", "s05 or model"),
    ),
    Defence(
        id="S06",
        file="policy/chain.py",
        before="        return ChainTransaction(transactions, self._notes)",
        after=(
            "        made = ChainTransaction(transactions, self._notes)\n"
            '        made.__dict__ = self.__dict__.setdefault("last", made.__dict__)\n'
            "        return made"
        ),
        tests=("tests/inbound/test_policies.py", "-k", "s06"),
    ),
    Defence(
        id="S07",
        file="wire/smtp/input.py",
        before="return self._impatient and len(self.lines) > 0",
        after="return False",
        tests=("tests/smtp/test_conversation.py", "tests/wire/smtp", "-k", "s07"),
    ),
    Defence(
        id="S08",
        file="smtp/conversation.py",
        before="await self._fenced(self._in_time(way(self, event)), self._machine.answer)",
        after="_ = Shared(self._fenced(way(self, event), self._machine.answer))",
        tests=("tests/smtp/test_conversation.py", "-k", "s08"),
    ),
    Defence(
        id="S09",
        file="smtp/conversation.py",
        before="            return min(timeouts.content, due - now, left)",
        after="            return timeouts.content",
        tests=("tests/smtp/test_conversation.py", "-k", "s09"),
    ),
    Defence(
        id="S09",
        file="edge/connection.py",
        before="        if self._full and not self._left:",
        after="        if not self:",
        tests=("tests/smtp/test_conversation.py", "-k", "s09"),
    ),
    Defence(
        id="S09",
        file="edge/listener.py",
        before="if counted is not None and not counted.enter(client.peer.host):",
        after="if counted is not None and not (counted.enter(client.peer.host) or True):",
        tests=("tests/smtp/test_conversation.py", "-k", "s09"),
    ),
    Defence(
        id="S10",
        file="edge/accepting.py",
        before="        elif not self._room():",
        after="        elif not self:",
        tests=("tests/edge/test_accepting.py", "tests/resources/test_descriptors.py", "-k", "s10"),
    ),
    Defence(
        id="S11",
        file="wire/smtp/replies.py",
        before="if len(self._texts) == MAX_LINES or self._octets > max(MAX_REPLY, limit):",
        after="if not self:",
        tests=("tests/wire/smtp/test_replies.py", "tests/wire/smtp/test_client_hostile.py"),
    ),
    Defence(
        id="S11",
        file="delivery/relay.py",
        before="if self._tries == self._agent.limits.tries:",
        after="if not self:",
        tests=("tests/delivery/test_relay.py", "-k", "s11"),
    ),
    Defence(
        id="S11",
        file="delivery/relay.py",
        before="max(0, self._agent.limits.seconds - self._connecting)",
        after="1e9",
        tests=("tests/delivery/test_relay.py", "-k", "s11"),
    ),
    Defence(
        id="S11",
        file="delivery/mx.py",
        before="        tried = candidates[: self._limits.hosts]",
        after="        tried = candidates",
        tests=("tests/delivery/test_mx.py", "-k", "s11"),
    ),
    Defence(
        id="S12",
        file="address.py",
        before="rf'\"(?:[ !#-\\[\\]-~{_UTF8}]|\\\\[ -~])*\"'",
        after='r\'"[^"]*"\'',
        tests=("tests/test_address.py", "-k", "s12"),
    ),
    Defence(
        id="S12",
        file="message/dsn.py",
        before='    text = _FORBIDDEN.sub(" ", text[: limit + 1]).strip(" ")',
        after='    text = text[: limit + 1].strip(" ")',
        tests=("tests/message/test_dsn.py", "-k", "s12"),
    ),
    Defence(
        id="S13",
        file="delivery/local.py",
        before="from __future__ import annotations\n",
        after="from __future__ import annotations\n\nimport subprocess\n",
        tests=("tests/test_security.py", "-k", "s13"),
    ),
    Defence(
        id="S14",
        file="database/files.py",
        before="os.path.join(folder, self.name), flags, 0o600",
        after='os.path.join(folder, "../escaped" + self.name), flags, 0o600',
        tests=("tests/test_security.py", "-k", "s14"),
    ),
    Defence(
        id="S15",
        file="database/files.py",
        before="os.path.join(folder, self.name), flags, 0o600",
        after="os.path.join(folder, self.name), flags, 0o644",
        tests=("tests/test_security.py", "-k", "s15"),
    ),
    Defence(
        id="S16",
        file="queue/codec.py",
        before="from __future__ import annotations\n",
        after="from __future__ import annotations\n\nimport pickle\n",
        tests=("tests/test_security.py", "-k", "s16"),
    ),
    Defence(
        id="S18",
        file="message/structure_reader.py",
        before="if len(self._stack) >= MAX_DEPTH or self._count >= MAX_PARTS:",
        after="if not self:",
        tests=("tests/message/test_structure_reader.py", "-k", "s18"),
    ),
    Defence(
        id="S21",
        file="inbound/transaction.py",
        before="if not route.local and not await self._flow.relay(recipient, self._origin):",
        after="if not self:",
        tests=("tests/inbound", "-k", "s21"),
    ),
    Defence(
        id="S21",
        file="edge/switch.py",
        before="if endpoint_of(transport.getPeer()).host in self._proxies:",
        after="if self._proxies:",
        tests=("tests/smtp/test_conversation.py", "-k", "s21"),
    ),
    Defence(
        id="S21",
        file="components/relay.py",
        before='and not any(sign in address.local for sign in "@%!")',
        after="",
        tests=("tests/components", "-k", "s21"),
    ),
    Defence(
        id="S22",
        file="inbound/transaction.py",
        before='f"refused by policy: {reply}"',
        after="None",
        tests=("tests/inbound/test_policies.py", "-k", "s22"),
    ),
    Defence(
        id="S22",
        file="queue/reporting.py",
        before="        if sent > self._limits.mails:",
        after="        if not self:",
        tests=("tests/queue/test_reporting.py", "-k", "s22"),
    ),
    Defence(
        id="S23",
        file="message/dsn_writing.py",
        before='    yield _field("Auto-Submitted", "auto-replied")',
        after='    yield b""',
        tests=("tests/message/test_dsn.py", "tests/queue/test_reporting.py", "-k", "s23"),
    ),
    Defence(
        id="S23",
        file="delivery/local.py",
        before="            if await goes_round(attempt.content, recipient.address):",
        after="            if not self:",
        tests=("tests/delivery/test_local.py", "-k", "s23"),
    ),
    Defence(
        id="S23",
        file="inbound/transaction.py",
        before="if header is not None and count_received(header) > self._flow.limits.received:",
        after="if not self:",
        tests=("tests/inbound/test_transaction.py", "-k", "s23"),
    ),
    Defence(
        id="S24",
        file="edge/login_limits.py",
        before="        return await self._state.get(_known(host, account)) is None",
        after="        return False",
        tests=("tests/edge", "-k", "s24"),
    ),
    Defence(
        id="S25",
        file="policy/submission.py",
        before="                if not await self._account.owns(address):",
        after="                if not self:",
        tests=("tests/policy/test_submission.py", "-k", "s25"),
    ),
    Defence(
        id="S26",
        file="smtp/client_login.py",
        before="if not trusted and (opening.tls is None or opening.tls.peer_name is None):",
        after="if False:",
        tests=("tests/smtp/test_client_login.py", "-k", "s26"),
    ),
    Defence(
        id="S26",
        file="smtp/client_login.py",
        before="case AuthSucceeded(reply) if not exchange.finished:",
        after="case AuthSucceeded(reply) if False:",
        tests=("tests/smtp/test_client_login.py", "-k", "s26"),
    ),
    Defence(
        id="S26",
        file="edge/client_tls.py",
        before="        return bool(ok)",
        after="        return True",
        tests=(
            "tests/edge/test_client_tls.py",
            "tests/smtp/test_client_login.py",
            "-k",
            "vouches or s26",
        ),
    ),
    Defence(
        id="S27",
        file="delivery/pool.py",
        before="    policy: TLSPolicy\n    credentials",
        after="    policy: TLSPolicy = field(compare=False)\n    credentials",
        tests=("tests/delivery", "-k", "s27"),
    ),
    Defence(
        id="S27",
        file="edge/client_tls.py",
        before="            if _is_for(connection, name):",
        after="            if name:",
        tests=("tests/edge/test_client_tls.py",),
    ),
    Defence(
        id="S30",
        file="delivery/mx.py",
        before="        return is_public(address) or address in self._allow",
        after="        return True",
        tests=("tests/delivery/test_mx.py", "tests/components/test_relay.py", "-k", "s30"),
    ),
    Defence(
        id="S30",
        file="delivery/mx.py",
        before="        if not any(record.exchange for record in records):",
        after="        if not self:",
        tests=("tests/delivery/test_mx.py", "-k", "s30"),
    ),
    Defence(
        id="S30",
        file="dns/client.py",
        before="        while len(seen) <= MAX_CNAMES:",
        after="        while seen:",
        tests=("tests/dns/test_client.py", "-k", "s30"),
    ),
    Defence(
        id="S30",
        file="dns/records.py",
        before="    if len(records) <= MAX_RECORDS:",
        after="    if records is not None:",
        tests=("tests/dns/test_client.py", "-k", "s30"),
    ),
    Defence(
        id="S30",
        file="dns/backend.py",
        before="        if _too_many(data):",
        after="        if not self:",
        tests=("tests/dns/test_client.py", "-k", "s30"),
    ),
    Defence(
        id="S30",
        file="dns/cache.py",
        before="        while self._room < 0:",
        after="        while not self:",
        tests=("tests/dns/test_cache.py", "-k", "s30"),
    ),
    Defence(
        id="D01",
        file="database/files.py",
        before="            os.fsync(self._fd)",
        after="            pass",
        tests=("tests/durability/test_sync.py",),
    ),
    Defence(
        id="D01",
        file="database/sqlite.py",
        before="PRAGMA synchronous = FULL",
        after="PRAGMA synchronous = OFF",
        tests=("tests/durability/test_sync.py",),
    ),
    Defence(
        id="D02",
        file="queue/concluding.py",
        before="then=(*then, *reports))",
        after="then=tuple(then))",
        tests=("tests/durability/test_kill_relay.py",),
    ),
    Defence(
        id="D03",
        file="database/sqlite.py",
        before="PRAGMA synchronous = FULL",
        after="PRAGMA synchronous = NORMAL",
        tests=("tests/durability/test_power.py",),
    ),
    Defence(
        id="D03",
        file="database/files.py",
        before="            sync_folder(self.folder)",
        after="            pass",
        tests=("tests/durability/test_power.py",),
    ),
    Defence(
        id="D03",
        file="database/location.py",
        before="        _sync(os.path.dirname(made))",
        after="        pass",
        tests=("tests/durability/test_power.py",),
    ),
    Defence(
        id="D04",
        file="inbound/transaction.py",
        before="            raise Refused(NO_QUEUE, str(error)) from error",
        after="            return judged, mails, {}",
        tests=("tests/durability/test_disk.py", "-k", "full"),
    ),
    Defence(
        id="D05",
        file="queue/strikes.py",
        before="MOST_STRIKES = 3",
        after="MOST_STRIKES = 3000",
        tests=("tests/queue", "-k", "d05"),
    ),
    Defence(
        id="D06",
        file="queue/sql_settle.py",
        before=" and r.fence == claim.fence",
        after="",
        tests=("tests/queue/test_sql.py", "-k", "d06"),
    ),
    Defence(
        id="D07",
        file="queue/schedule.py",
        before="elif health is Health.BAD and lane.suspended is None and lane.",
        after="elif not self and lane.",
        tests=("tests/queue/test_schedule.py", "-k", "d07"),
    ),
)


def run(defence: Defence) -> str:
    """
    :returns: ``failed``, as it should; ``passed``, which is a hole; or why it was not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder, "src")
        shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
        path = sources / "pymta" / defence.file
        text = path.read_text()
        if text.count(defence.before) != 1:
            return f"not run: {text.count(defence.before)} places in {defence.file}"
        path.write_text(text.replace(defence.before, defence.after))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        environment = {**os.environ, "PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run(
            [*command, *defence.tests],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
    if ended.returncode == 1:
        [first] = [line for line in ended.stdout.splitlines() if line.startswith("FAILED")][:1]
        return first.partition(" - ")[0].replace("FAILED", "failed")
    return f"exit {ended.returncode}: {ended.stdout.splitlines()[-1:]}"


def main(wanted: list[str]) -> int:
    holes = 0
    for defence in DEFENCES:
        if wanted and defence.id not in wanted:
            continue
        result = run(defence)
        holes += not result.startswith("failed")
        print(f"{defence.id}  {defence.file}: {result}", flush=True)
    print(f"{len(DEFENCES) - holes} passed, {holes} failed" if not wanted else f"{holes} holes")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
