"""Set the run times of two main jobs side by side, by rule: what a change made quicker.

    python benchmarks/main_job.py BEFORE AFTER

BEFORE and AFTER are the `results/tables/run_times.csv` of two runs of `make reproduce` on the same
machine, one after the other with nothing beside them. Prints a table in Markdown.
"""

from __future__ import annotations

import sys

import pandas as pd
from angiovox.io.table_files import read_table

FEW_SECONDS = 5.0  # rules below it, before and after, share the last row


def main(before: str, after: str) -> None:
    """Print the table of two runs."""
    print(markdown(read_table(before), read_table(after)))


def markdown(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """A row for each rule that takes seconds, most first, then the others together and all.

    before, after : with the columns rule, jobs and seconds_total, as `run_times.csv` has them.
    """
    both = pd.merge(
        *(table[["rule", "jobs", "seconds_total"]] for table in (before, after)),
        on="rule",
        how="outer",
        suffixes=("_before", "_after"),
    ).fillna(0)
    columns = both.columns[1:]
    seconds = both[["seconds_total_before", "seconds_total_after"]].max(axis=1)
    long = both[seconds >= FEW_SECONDS].sort_values("seconds_total_before", ascending=False)
    short = both[seconds < FEW_SECONDS][columns].sum()
    others, everything = (
        {"rule": name} | dict(part)
        for name, part in (("others", short), ("all", both[columns].sum()))
    )
    table = pd.concat([long, pd.DataFrame([others, everything])])
    table = table.set_index("rule").round().astype(int).reset_index()
    names = {"seconds_total": "seconds of jobs"}
    table.columns = [
        " ".join(names.get(part, part) for part in name.rsplit("_", 1)) for name in table.columns
    ]
    return table.to_markdown(index=False)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
