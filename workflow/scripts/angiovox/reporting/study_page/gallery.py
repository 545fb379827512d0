"""The study's figures within the page."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path

FIGURES = {  # title, and what there is to see
    "figure1": ("Figure 1", "Volume, projections, back-projected sum and mask of one patient."),
    "figure2": ("Figure 2", "The back-projected volume of one patient, by number of views."),
    "figure3": ("Figure 3", "One patient through the denoising autoencoder."),
    "figure4": (
        "Figure 4",
        "Surfaces of one patient: the truth, and the paper's network by views.",
    ),
    "iou_by_views": ("IoU by number of views", "Families of methods, beside the published curve."),
    "quality_by_views": ("Quality by number of views", "Four metrics of every method."),
    "biplane": ("The fewest views", "One patient by every method: hits, misses, false alarms."),
    "error_profiles": ("Where errors sit", "By radius, by place, and by probability."),
    "learning_curves": ("Learning curves", "Loss and IoU of each training by epoch."),
    "masks": ("Masks", "Each patient from the front, with the outline of the Otsu mask."),
    "phantoms": ("Phantoms", "Projections of three phantoms, and their exact arteries."),
    "phantom_anatomy": ("Phantom anatomy", "A phantom with every artery filled, and centrelines."),
}


def gallery(paths: Iterable[str | Path]) -> str:
    """Figures as buttons that enlarge them, in the catalogue's order; others after these.

    paths : of PNG files, each with its PDF beside it.
    """
    by_name = {Path(path).stem: Path(path) for path in paths}
    order = [name for name in FIGURES if name in by_name]
    order += [name for name in by_name if name not in FIGURES]
    return "\n".join(_figure(name, by_name[name]) for name in order)


def _figure(name: str, path: Path) -> str:
    title, text = FIGURES.get(name, (name.replace("_", " ").capitalize(), ""))
    title, text = escape(title), escape(text)
    image = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><button type="button" data-title="{title}" aria-label="Enlarge: {title}">'
        f'<img src="data:image/png;base64,{image}" alt="{title}. {text}" loading="lazy"></button>'
        f"<figcaption><strong>{title}.</strong> <span>{text}</span> "
        f'<a href="figures/{escape(name)}.pdf">{title}, PDF</a></figcaption></figure>'
    )
