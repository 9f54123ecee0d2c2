"""
Sphinx: the guides, and a reference made from the docstrings.

``sphinx-build -b html docs build/docs``, with the ``docs`` extra installed.
"""

from __future__ import annotations

import pkgutil
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src"
sys.path.insert(0, str(SOURCE))

project = "pymta"
author = "the pymta maintainers"
extensions = ["sphinx.ext.autodoc", "myst_parser"]
exclude_patterns = ["changelog.d", "reference/README.md"]
html_theme = "alabaster"
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
nitpicky = False
suppress_warnings = ["myst.xref_missing", "ref.python"]

STATUS = {
    "full": "full",
    "partial": "in part",
    "planned": "planned",
    "no": "no, and why",
    "cited": "cited",
}


def reference() -> dict[str, list[str]]:
    """The modules, by package."""
    pages: dict[str, list[str]] = {}
    for found in pkgutil.walk_packages([str(SOURCE / "pymta")], "pymta."):
        if "._" in found.name or "__main__" in found.name or ".migrations" in found.name:
            continue
        pages.setdefault(".".join(found.name.split(".")[:2]), []).append(found.name)
    return pages


def write_reference(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    pages = reference()
    for page, modules in pages.items():
        parts = [page, "=" * len(page), ""]
        for module in sorted({page, *modules}):
            parts += [module, "-" * len(module), "", f".. automodule:: {module}", ""]
        (folder / f"{page}.rst").write_text("\n".join(parts))
    index = ["Reference", "=========", "", ".. toctree::", ""]
    index += [f"   {page}" for page in sorted(pages)]
    (folder / "index.rst").write_text("\n".join([*index, ""]))


def write_standards(path: Path) -> None:
    entries = tomllib.loads((HERE / "standards.toml").read_text())
    lines = ["Standards", "=========", "", ".. list-table::", "   :header-rows: 1", ""]
    lines += ["   * - RFC", "     - title", "     - obeyed", "     - what is not, and notes"]
    for number, entry in entries.items():
        lacking = "; ".join(entry.get("lacking", ()))
        notes = " ".join(filter(None, (lacking, entry.get("note", ""))))
        if entry.get("read") is False:
            notes = f"{notes} Its text was not at hand.".strip()
        lines += [f"   * - :rfc:`{number}`", f"     - {entry['title']}"]
        lines += [f"     - {STATUS[entry['status']]}", f"     - {notes}"]
    path.write_text("\n".join([*lines, ""]))


write_reference(HERE / "reference")
write_standards(HERE / "standards.rst")
