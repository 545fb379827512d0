"""The paper's tables: its figures as printed, ours beside them, and nothing left out."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from angiovox.metrics.registry import METRICS as CATALOGUE
from angiovox.metrics.statistics import mean_interval
from angiovox.reporting import tables
from conftest import ROOT

RESOURCES = ROOT / "resources"
TITLES = {"dae": "3D denoising autoencoder", "hull": "Visual hull"}
METRICS = ["iou", *tables.METRICS]
COUNTED = ["patients", "seeds", "empty"]
# As printed: percent, MSE, MAE.
PAPER_TABLE_1 = {
    90: ("56.81", "0.00124", "0.0196"),
    46: ("57.06", "0.00103", "0.0153"),
    24: ("56.43", "0.001396", "0.0197"),
    10: ("52.22", "0.00173", "0.0241"),
    5: ("45.35", "0.00277", "0.0275"),
    3: ("32.17", "0.00224", "0.0256"),
    2: ("26.83", "0.00264", "0.02516"),
}
# Pixel accuracy, IoU, MSE, MAE.
PAPER_TABLE_2 = [
    ("ConditionalGAN", 0.9631, 0.0726, None, None),
    ("L1 + ConditionalGAN", 0.9587, 0.1132, None, None),
    ("3D denoising", 0.9985, 0.2683, 0.0026, 0.0251),
]


@pytest.fixture
def published1():
    return pd.read_csv(RESOURCES / "published_table1.csv")


@pytest.fixture
def published2():
    return pd.read_csv(RESOURCES / "published_table2.csv")


def measured(
    methods=("dae", "hull"), views=(2, 10, 90), seeds=(1,), patients="abcd", empty="", seed=0
):
    """Per-patient metrics in long form, no two alike; `empty` names patients with nothing found."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {
                "method": method,
                "views": count,
                "seed": number,
                "patient": patient,
                "metric": metric,
                "value": rng.random() if metric != "empty" else float(patient in empty),
            }
            for method in methods
            for count in views
            for number in seeds
            for patient in patients
            for metric in [*METRICS, "empty"]
        ]
    )


def summary(**arguments):
    return tables.summarise(measured(**arguments))


def rows_of(markdown):
    """Cells of a Markdown table, its heading first."""
    lines = [line for line in markdown.splitlines() if not set(line) <= set("|:- ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


# What the paper printed


def test_the_published_table_1_is_the_papers(published1):
    assert list(published1.columns) == ["views", "iou", "mse", "mae"]
    assert {
        int(row.views): (f"{100 * row.iou:.2f}", f"{row.mse:g}", f"{row.mae:g}")
        for row in published1.itertuples()
    } == PAPER_TABLE_1


def test_the_published_table_2_is_the_papers(published2):
    assert len(published2) == len(PAPER_TABLE_2)
    for row, (name, *figures) in zip(published2.itertuples(), PAPER_TABLE_2, strict=True):
        assert row.method.startswith(name)
        found = [row.pixel_accuracy, row.iou, row.mse_probability, row.mae_probability]
        assert [None if np.isnan(value) else value for value in found] == figures


# The summary


def rows(metric, *values):
    columns = ["patient", "seed", "value"]
    return pd.DataFrame(values, columns=columns).assign(method="dae", views=2, metric=metric)


def test_a_mean_is_over_patients_with_a_value_at_every_seed():
    """As many as it says: patient b has one seed of two, and weighs nothing."""
    given = [(p, seed, 0.1 * seed + k / 10) for k, p in enumerate("acd") for seed in (1, 2)]
    (row,) = tables.summarise(rows("iou", *given, ("b", 1, 0.9))).itertuples()
    assert row.mean == pytest.approx(np.mean([value for *_, value in given]))
    assert (row.patients, row.seeds) == (3, 2)


def test_an_empty_reconstruction_is_counted_and_moves_no_mean_of_distances():
    distances = rows("hd95_mm", ("a", 1, 2.0), ("b", 1, 3.0), ("c", 1, 4.0))
    given = pd.concat([distances, rows("empty", *((p, 1, float(p == "d")) for p in "abcd"))])
    result = tables.summarise(given).set_index("metric")
    assert result.loc["hd95_mm", "mean"] == 3 and result.loc["hd95_mm", "patients"] == 3
    assert result.loc["empty", "mean"] == 0.25 and result.loc["empty", "patients"] == 4


def test_intervals_are_those_of_each_metrics_scale():
    values = [("a", 1, 0.99), ("b", 1, 0.98), ("c", 1, 0.8)]
    result = tables.summarise(pd.concat([rows("dice", *values), rows("hd95_mm", *values)]))
    for row in result.itertuples():
        expected = mean_interval(np.array([0.99, 0.98, 0.8]), CATALOGUE[row.metric].scale)
        assert (row.mean, row.low, row.high) == expected
    assert result["high"].is_monotonic_increasing and result["high"].iloc[0] < 1


def test_the_summary_has_a_row_for_each_method_views_and_metric():
    result = summary()
    assert list(result.columns) == [
        "method",
        "views",
        "metric",
        "patients",
        "seeds",
        "mean",
        "low",
        "high",
    ]
    assert len(result) == 2 * 3 * (len(METRICS) + 1)
    assert (result["patients"] == 4).all() and (result["seeds"] == 1).all()
    spread = result[result["metric"] != "empty"]
    assert (spread["low"] < spread["mean"]).all() and (spread["mean"] < spread["high"]).all()


def test_the_order_of_rows_changes_no_figure():
    per_patient = measured(seeds=(1, 2))
    key = ["method", "views", "metric"]
    first = tables.summarise(per_patient).sort_values(key, ignore_index=True)
    shuffled = per_patient.sample(frac=1, random_state=0)
    second = tables.summarise(shuffled).sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(first, second)


# Table 1


def test_table_1_has_these_columns_and_falling_views(published1):
    result = tables.table1(summary(), published1)
    assert list(result.columns) == [
        "views",
        *COUNTED,
        "iou",
        "iou_low",
        "iou_high",
        "dice",
        "pixel_accuracy",
        "mse_probability",
        "mae_probability",
        "mse_binary",
        "mae_binary",
        "published_iou",
        "published_mse",
        "published_mae",
    ]
    assert list(result["views"]) == [90, 10, 2]


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_tables_say_how_many_patients_seeds_and_empty_reconstructions(
    published1, published2, seeds
):
    given = summary(seeds=seeds, empty="bc")
    ours = tables.table2(given, published2, TITLES).query("source == 'measured'")
    for table in (tables.table1(given, published1), ours):
        assert (table[COUNTED].to_numpy() == [4, len(seeds), 2 * len(seeds)]).all()
    overview = tables.iou_overview(given, TITLES)
    assert (overview[["patients", "seeds"]].to_numpy() == [4, len(seeds)]).all()


def test_table_1_holds_the_networks_means_beside_the_published_figures(published1):
    given = summary()
    result = tables.table1(given, published1).set_index("views")
    for views in (90, 10, 2):
        ours = given[(given["method"] == "dae") & (given["views"] == views)].set_index("metric")
        for metric in METRICS:
            assert result.loc[views, metric] == ours.loc[metric, "mean"]
        assert result.loc[views, "iou_low"] == ours.loc["iou", "low"]
        assert result.loc[views, "iou_high"] == ours.loc["iou", "high"]
        printed = PAPER_TABLE_1[views]
        assert result.loc[views, "published_iou"] == pytest.approx(float(printed[0]) / 100)
        assert result.loc[views, "published_mse"] == float(printed[1])
        assert result.loc[views, "published_mae"] == float(printed[2])


def test_table_1_has_view_counts_that_the_paper_does_not_have(published1):
    result = tables.table1(summary(views=(7, 2)), published1).set_index("views")
    assert np.isnan(result.loc[7, "published_iou"])
    assert not np.isnan(result.loc[7, "iou"])


# Table 2


def test_table_2_has_published_and_measured_rows(published2):
    given = summary()
    result = tables.table2(given, published2, TITLES)
    assert list(result["source"]) == ["published"] * 3 + ["measured"] * 2
    ours = result[result["source"] == "measured"].set_index("method")
    assert list(ours.index) == list(TITLES.values())
    biplane = given[(given["views"] == 2) & (given["metric"] == "iou")].set_index("method")
    for name, title in TITLES.items():
        assert ours.loc[title, "iou"] == biplane.loc[name, "mean"]
    theirs = result[result["source"] == "published"]
    assert list(theirs["iou"]) == [row[2] for row in PAPER_TABLE_2]
    assert {"pixel_accuracy", "iou", "mse_probability", "mae_probability"} <= set(result.columns)


def test_a_study_without_two_views_has_published_rows_only(published2):
    result = tables.table2(summary(views=(5, 10)), published2, TITLES)
    assert list(result["source"]) == ["published"] * 3
    assert list(result["iou"]) == [row[2] for row in PAPER_TABLE_2]
    assert "nan" not in tables.to_markdown(result).lower()
    assert tables.to_latex(result, "caption", "tab:x")


# The overview


def test_the_overview_has_a_row_per_method_and_falling_views():
    given = summary()
    result = tables.iou_overview(given, TITLES)
    assert list(result.columns) == [
        "method",
        "patients",
        "seeds",
        "90 views",
        "10 views",
        "2 views",
    ]
    assert list(result["method"]) == list(TITLES.values())
    row = given[(given["method"] == "hull") & (given["views"] == 10) & (given["metric"] == "iou")]
    (row,) = row.itertuples()
    assert result.loc[1, "10 views"] == f"{row.mean:.3f} ({row.low:.3f} to {row.high:.3f})"


@pytest.mark.parametrize("patients", ["a", "ab"])
def test_few_test_patients_give_means_without_intervals(patients):
    result = tables.iou_overview(summary(patients=patients), TITLES)
    assert not result.astype(str).apply(lambda column: column.str.contains(r"nan|\(")).any().any()


# Text


def every_table(published1, published2, **arguments):
    given = summary(**arguments)
    return {
        "table1": tables.table1(given, published1),
        "table2": tables.table2(given, published2, TITLES),
        "overview": tables.iou_overview(given, TITLES),
    }


@pytest.mark.parametrize("name", ["table1", "table2", "overview"])
@pytest.mark.parametrize("patients", ["abcd", "a"])
def test_markdown_holds_every_row_and_no_nan(published1, published2, name, patients):
    table = every_table(published1, published2, views=(90, 7, 2), patients=patients)[name]
    text = tables.to_markdown(table)
    heading, *rows = rows_of(text)
    assert heading == list(table.columns)
    assert [row[0] for row in rows] == [str(value) for value in table.iloc[:, 0]]
    assert "nan" not in text.lower()
    assert text.endswith("|\n")


def test_markdown_shows_four_digits_and_a_dash_for_nothing():
    table = pd.DataFrame({"views": [2], "iou": [0.123456], "mse": [0.00002], "mae": [np.nan]})
    assert rows_of(tables.to_markdown(table))[1] == ["2", "0.1235", "2e-05", "-"]


@pytest.mark.parametrize("name", ["table1", "table2", "overview"])
def test_latex_holds_every_row(published1, published2, name):
    table = every_table(published1, published2)[name]
    text = tables.to_latex(table, "100 % of it", "tab:label")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + len(table)
    for row, value in zip(rows[1:], table.iloc[:, 0], strict=True):
        assert row.startswith(f"{value} & ")
    assert all(row.count("&") == len(table.columns) - 1 for row in rows)
    assert "nan" not in text.lower()
    assert r"\label{tab:label}" in text
    assert r"100 \% of it" in text
    assert r"\toprule" in text


def test_latex_survives_a_title_with_its_special_characters():
    table = pd.DataFrame({"method": ["U-Net & hull_2"], "iou": [0.5]})
    text = tables.to_latex(table, "caption", "tab:label")
    assert r"U-Net \& hull\_2 & 0.5 \\" in text


HARD = ["a_b & c", "100 % of it", "#1 {x} ~ y ^ z", "back\\\\slash", "-"]
DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
%s
\end{document}
"""


def latex_tables(published1, published2):
    """Of a study, of one with hard names, and a narrow one."""
    made = every_table(published1, published2)
    hard = pd.DataFrame({"a_name": HARD, "iou": np.linspace(0, 1, len(HARD))})
    return made | {"hard": hard, "narrow": pd.DataFrame({"n": [1, 2]})}


@pytest.mark.parametrize("name", ["table1", "table2", "overview", "hard", "narrow"])
def test_latex_is_balanced_and_escaped(published1, published2, name):
    table = latex_tables(published1, published2)[name]
    text = tables.to_latex(table, "100 % of $5 R&D: {x}_1", "tab:label")
    opened = re.findall(r"\\begin\{(\w+)\}", text)
    assert re.findall(r"\\end\{(\w+)\}", text) == opened[::-1] == ["tabular", "table"]
    bare = re.sub(r"\\[a-z]+|\\[&%$#_{}]|\\\\", "", text).replace("{%\n", "{\n")
    assert bare.count("{") == bare.count("}")
    assert not re.findall(r"[%$#^~_\\]", bare)
    aligned = re.search(r"tabular\}\{(\w+)\}", text)[1]
    assert aligned == "".join("r" if kind.kind in "if" else "l" for kind in table.dtypes)
    assert bare.count("&") == (len(table) + 1) * (len(table.columns) - 1)


@pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="not run: pdflatex of Debian's texlive-latex-recommended is not installed",
)
def test_latex_compiles_and_fits_the_page(published1, published2, tmp_path):
    made = latex_tables(published1, published2)
    texts = [tables.to_latex(table, "100 % of R&D_1", f"tab:{n}") for n, table in made.items()]
    (tmp_path / "all.tex").write_text(DOCUMENT % "\n".join(texts), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.pdf").read_bytes().startswith(b"%PDF")
    assert "Overfull" not in done.stdout


# Phantoms beside human arteries


def test_morphometry_sets_our_median_beside_the_published_band():
    published = pd.DataFrame(
        {
            "quantity": ["length", "volume", "radius"],
            "label": ["total length", "volume", "radius"],
            "unit": ["m", "mL", "mm"],
            "median": [2.0, 10.0, 0.5],
            "low": [1.0, 9.0, np.nan],
            "high": [3.0, 11.0, np.nan],
        }
    )
    measured = pd.DataFrame(
        {"radius": [0.4, 0.5, 0.6], "length": [2, 3, 4], "volume": [20, 8, 12], "more": [1, 2, 3]}
    )
    table = tables.morphometry(measured, published).set_index("quantity")
    assert list(table["patients"]) == [3, 3, 3]
    assert list(table["median"]) == [3, 12, 0.5]
    assert list(table["inside"].fillna("")) == ["yes", "no", ""]
    assert list(table["difference_percent"]) == pytest.approx([50, 20, 0])
    assert (table["low"] < table["median"]).all() and (table["median"] < table["high"]).all()


def test_the_published_morphometry_is_whole():
    published = pd.read_csv(RESOURCES / "published_morphometry.csv")
    banded = published.dropna(subset=["low", "high"])
    assert len(published) == 17 and len(banded) == 8
    assert ((banded["low"] < banded["median"]) & (banded["median"] < banded["high"])).all()
