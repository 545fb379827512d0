"""The paper's two tables, and the summary of every method, from per-patient metrics."""

from __future__ import annotations

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..methods.registry import PAPER_METHOD
from ..metrics.registry import METRICS as CATALOGUE
from ..metrics.statistics import by_seed, mean_interval

METRICS = (
    "dice",
    "pixel_accuracy",
    "mse_probability",
    "mae_probability",
    "mse_binary",
    "mae_binary",
)
BIPLANE = 2  # views
LATEX_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)
FIT_WIDTH = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"  # of graphicx


def summarise(per_patient: pd.DataFrame) -> pd.DataFrame:
    """Mean over patients and training seeds with its 95 % interval, by method, views and metric.

    per_patient : long form with method, views, seed, patient, metric, value.

    Returns columns method, views, metric, patients, seeds, mean, low, high. `patients` have a value
    at every seed; the interval is that of `metrics.statistics.mean_interval`.
    """
    rows = []
    for (metric, views, method), values in by_seed(per_patient).items():
        if len(values):
            interval = mean_interval(values.to_numpy(), CATALOGUE[metric].scale)
            rows.append((method, views, metric, *values.shape, *interval))
    names = ["method", "views", "metric", "patients", "seeds", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def morphometry(measured: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Phantoms' morphometry beside that of human arteries.

    Parameters
    ----------
    measured : a row per patient, a column per quantity (`vessels.morphometry.measure`).
    published : columns quantity, label, unit, median, and the band low to high (10th to 90th
        percentile) where one is published.

    Returns
    -------
    A row per quantity: ours as median and 10th to 90th percentile over patients, the published
    figures, `inside` (whether our median lies in the published band; empty without a band) and
    `difference_percent` of the medians.
    """
    table = published.rename(columns={k: f"published_{k}" for k in ("median", "low", "high")})
    ours = measured[table["quantity"]]
    table.insert(3, "patients", len(ours))
    for place, (name, share) in enumerate((("median", 0.5), ("low", 0.1), ("high", 0.9)), start=4):
        table.insert(place, name, ours.quantile(share).to_numpy())
    inside = table["median"].between(table["published_low"], table["published_high"])
    known = table[["published_low", "median"]].notna().all(axis=1)
    table["inside"] = inside.map({True: "yes", False: "no"}).where(known)
    table["difference_percent"] = 100 * (table["median"] / table["published_median"] - 1)
    return table


def morphometry_markdown(table: pd.DataFrame) -> str:
    """`morphometry` for reading: a row per quantity, median (10th to 90th percentile)."""

    def measured(row: pd.Series, prefix: str) -> str:
        median, low, high = (row[f"{prefix}{name}"] for name in ("median", "low", "high"))
        return f"{median:.3g}" + ("" if pd.isna(low) else f" ({low:.3g} to {high:.3g})")

    rows = [
        {
            "": f"{row['label']}, {row['unit']}" if isinstance(row["unit"], str) else row["label"],
            f"{row['patients']} phantoms": measured(row, ""),
            "published": measured(row, "published_"),
        }
        for _, row in table.iterrows()
    ]
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True) + "\n"


def table1(summary: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Table 1: the paper's network by number of views, published figures beside ours.

    published : columns views, iou, mse, mae as printed, on the authors' data.
    """
    ours = _wide(summary[summary["method"] == PAPER_METHOD]).drop(columns="method")
    theirs = published.rename(columns={k: f"published_{k}" for k in ("iou", "mse", "mae")})
    return ours.merge(theirs, on="views", how="left").sort_values("views", ascending=False)


def table2(summary: pd.DataFrame, published: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Table 2: biplane reconstruction, a row per method, `source` measured or published.

    published : columns method, pixel_accuracy, iou, mse_probability, mae_probability as printed.
    titles : printable name of each method.
    """
    ours = _wide(summary[summary["views"] == BIPLANE]).drop(columns="views")
    ours["method"] = ours["method"].map(titles)
    ours.insert(1, "source", "measured")
    theirs = published.assign(source="published")
    return pd.concat([theirs, ours], ignore_index=True)[list(ours.columns)]


def iou_overview(summary: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Mean IoU with its interval as text: a row per method, a column per number of views.

    With the number of patients and of training seeds that the means are over.
    """
    iou = summary[summary["metric"] == "iou"]
    text = iou.assign(
        cell=[with_interval(r.mean, r.low, r.high) for r in iou.itertuples(index=False)]
    )
    wide = text.pivot(index="method", columns="views", values="cell")
    wide = wide[sorted(wide.columns, reverse=True)]
    wide.columns = [f"{views} views" for views in wide.columns]
    numbers = iou.groupby("method", sort=False)[["patients", "seeds"]].max()
    wide = numbers.join(wide)
    wide.index = pd.Index([titles[name] for name in wide.index], name="method")
    return wide.reset_index()


def to_markdown(table: pd.DataFrame) -> str:
    """A table for people: four significant digits, a dash where there is no value."""
    names = [place for place, kind in enumerate(table.dtypes) if not is_numeric_dtype(kind)]
    return _printable(table).to_markdown(index=False, disable_numparse=names) + "\n"


def to_latex(table: pd.DataFrame, caption: str, label: str) -> str:
    """A LaTeX table with booktabs rules, shrunk where it is wider than the text.

    Compiles with the packages booktabs and graphicx. Columns of numbers are flushed right.
    """
    aligned = "".join("r" if is_numeric_dtype(kind) else "l" for kind in table.dtypes)
    text = _printable(table).to_latex(
        index=False,
        escape=True,
        column_format=aligned,
        caption=caption.translate(LATEX_ESCAPES),
        label=label,
        position="htbp",
    )
    text = text.replace(
        "\\begin{tabular}", f"\\centering\n\\medskip\n{FIT_WIDTH}{{%\n\\begin{{tabular}}", 1
    )
    return text.replace("\\end{tabular}\n", "\\end{tabular}}\n", 1)


def with_interval(mean: float, low: float, high: float) -> str:
    """A mean with its interval, where it has one."""
    return f"{mean:.3f}" if low != low else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def _wide(summary: pd.DataFrame) -> pd.DataFrame:
    """One row per method and views: what it is over, iou, its interval, the other metrics' means.

    patients, seeds : of the means. empty : how many reconstructions have no vessel.
    """
    index = ["method", "views"]
    means = summary.pivot_table(index=index, columns="metric", values="mean", sort=False)
    means = means.reindex(columns=["empty", "iou", *METRICS])
    iou = summary[summary["metric"] == "iou"].set_index(index)
    empty = (means["empty"] * iou["patients"] * iou["seeds"]).round().astype(int)
    parts = {"patients": iou["patients"], "seeds": iou["seeds"], "empty": empty}
    wide = means.assign(**parts, iou_low=iou["low"], iou_high=iou["high"]).reset_index()
    columns = [*index, *parts, "iou", "iou_low", "iou_high", *METRICS]
    return wide.reindex(columns=columns).rename_axis(columns=None)


def _printable(table: pd.DataFrame) -> pd.DataFrame:
    def text(cell: object) -> object:
        if not isinstance(cell, float):
            return cell
        return "-" if cell != cell else f"{cell:.4g}"

    return table.map(text)
