"""How far a reconstruction is, and for how long it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from angiovox_pipeline.stages import STAGES, begun

START_SECONDS = 4.0  # before the first stage
PACE = (0.3, 10.0)  # of a machine against the one that stages were timed on, at the most
REDRAWN = 0.5  # seconds between two lines on a terminal
CLEAR = "\r\x1b[K"


class Progress:
    """Follows logs; on a terminal one line that changes, elsewhere a line for each stage."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic):
        self.out, self.clock = out, clock
        self.is_terminal = out.isatty()
        self.started = clock()
        self.stage, self.since, self.drawn = "", self.started, float("-inf")
        self.took: dict[str, float] = {}  # seconds by stage that is over

    def follow(self, logs: Iterable[Path]) -> None:
        """Look at logs that are there for the stage that began last, and say what is new."""
        names = [name for path in logs for line in _lines(path) if (name := begun(line))]
        if names and names[-1] != self.stage:
            now = self.clock()
            self.took[self.stage] = now - self.since
            self.stage, self.since = names[-1], now
            self._say()
        elif self.is_terminal and self.clock() - self.drawn >= REDRAWN:
            self._say()

    def close(self) -> None:
        """Take the line away that a terminal shows."""
        if self.is_terminal:
            self.out.write(CLEAR)
            self.out.flush()

    def seconds_left(self) -> float:
        """Estimate from what stages take, at the pace of those that are over."""
        names = [*STAGES]
        ahead = names[names.index(self.stage) + 1 :] if self.stage else names
        running = max(_planned(self.stage) * self._pace() - (self.clock() - self.since), 1)
        return running + self._pace() * sum(map(_planned, ahead))

    def _pace(self) -> float:
        planned = sum(map(_planned, self.took))
        low, high = PACE
        return min(max(sum(self.took.values()) / planned, low), high) if planned else 1.0

    def _say(self) -> None:
        names, self.drawn = [*STAGES], self.clock()
        number = names.index(self.stage) + 1 if self.stage else 0
        what = STAGES[self.stage][0] if self.stage else "starting"
        line = f"[{number}/{len(names)}] {what}; about {_in_words(self.seconds_left())} left"
        self.out.write(f"{CLEAR}{line}" if self.is_terminal else f"{line}\n")
        self.out.flush()


def _planned(stage: str) -> float:
    return STAGES[stage][1] if stage else START_SECONDS


def _in_words(seconds: float) -> str:
    if seconds < 100:
        return f"{5 * max(round(seconds / 5), 1)} s"
    return f"{seconds / 60:.0f} min"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
