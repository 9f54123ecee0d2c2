"""
Tests for the documentation of the keys: complete, and what the code says.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pymta.config.documentation import Key, key_tables, keys
from tests.config.files import mistakes

DOCS = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- keys -->\n", "<!-- end of keys -->\n"


@pytest.mark.parametrize("key", list(keys()), ids=lambda key: f"{key.table}.{key.name}")
def test_each_key_is_explained(key: Key) -> None:
    """
    Every key has a type and a sentence.
    """
    assert key.kind
    assert key.meaning
    assert not re.search(r":\w+:`|``|\n|\bNone\b", f"{key.meaning}{key.kind}{key.default}")


def test_page_is_up_to_date() -> None:
    """
    ``docs/configuration.md`` holds the tables that the code makes.

    After a change: ``python -m pymta.config.documentation``, between the two marks.
    """
    page = (DOCS / "configuration.md").read_text()

    assert key_tables() == page.partition(BEGIN)[2].partition(END)[0]


def test_examples_of_the_page_have_no_mistakes(tmp_path: Path) -> None:
    """
    Each example that is a whole file can be loaded.
    """
    page = (DOCS / "configuration.md").read_text()
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    whole = [each for each in examples if "hostname" in each]

    assert len(whole) >= 2
    for example in whole:
        (tmp_path / "aliases").write_text("")
        text = re.sub(r"\[tls\]\n(.+\n)+", "", example)  # nobody has these certificates
        text = text.replace('tls = "implicit"\n', "").replace("/etc/aliases", "aliases")
        assert [] == mistakes(tmp_path, text)
