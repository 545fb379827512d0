"""A page in headless Chromium, and what its console says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="not run: Chromium is not installed")
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--enable-logging=stderr",
]  # fmt: skip
SIZES = [(1280, 900), (390, 844)]  # a desktop's window and a phone's


def browse(
    path: Path, size: tuple[int, int], tmp_path: Path, *options: str, budget: int = 6000
) -> list[str]:
    """What the browser's console says on a page. budget : ms of the page's own time."""
    window = f"--window-size={size[0]},{size[1]}"
    flags = [*FLAGS, f"--virtual-time-budget={budget}", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [CHROMIUM, *flags, window, *options, path.as_uri()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


def reported(console: list[str]) -> dict:
    """What a probe in the page has logged, which is the console's only line: no error beside it."""
    assert len(console) == 1, console
    return json.loads(re.search(r'"(\{.*\})"', console[0])[1])
