"""Results of other studies, which the leaderboard shows beside this study's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from angiovox.errors import InputError

KEY = "leaderboard.beside"
TABLE = "tables/per_patient.csv"  # in a study's folder of results
NOT_THERE = (
    "{path} is not there: the leaderboard is made without {title!r} ({key}), and made anew once it "
    "is there"
)


@dataclass(frozen=True)
class OtherStudies:
    """Measurements of other studies by title, `tables` of those that are there, and `missing`."""

    tables: dict[str, str]
    missing: dict[str, str]

    @classmethod
    def read(cls, config: dict[str, Any], own: str) -> OtherStudies:
        """Look which studies of the config are there.

        own : this study's measurements, which need not be there.

        Raises InputError for a folder that is a file or this study's own.
        """
        tables: dict[str, str] = {}
        missing: dict[str, str] = {}
        for title, folder in config["leaderboard"]["beside"].items():
            if Path(folder).is_file():
                raise InputError(
                    f"{KEY}: {title}: {folder} is a file; give the folder results of a study"
                )
            path = Path(folder, TABLE)
            if path.resolve() == Path(own).resolve():
                raise InputError(
                    f"{KEY}: {title}: {folder} holds this study's own results; give those of "
                    "another one, or run this one in a folder of its own (--directory)"
                )
            (tables if path.is_file() else missing)[title] = str(path)
        return cls(tables, missing)

    @property
    def titles(self) -> list[str]:
        return [*self.tables]

    @property
    def warnings(self) -> list[str]:
        """One for each study that is not there."""
        return [
            NOT_THERE.format(path=path, title=title, key=KEY)
            for title, path in self.missing.items()
        ]
