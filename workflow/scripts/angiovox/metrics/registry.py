"""Every metric by name: title, unit, and which way is better; docs/metrics.md explains them."""

from __future__ import annotations

from dataclasses import dataclass

from .calibre import CLASSES
from .scales import LOG, LOGIT

HIGHER, LOWER, NEITHER = "higher", "lower", ""


@dataclass(frozen=True)
class Metric:
    """better : "higher", "lower", or "" for what only describes. scale : of its mean's interval."""

    title: str
    unit: str
    better: str
    scale: str = LOGIT  # of shares and of errors of probabilities, within [0, 1]


def _of_calibres() -> dict[str, Metric]:
    rows = {}
    for name in CLASSES:
        title = f"radius error, {name} arteries"
        rows[f"radius_error_{name}_mm"] = Metric(title, "mm", LOWER, LOG)
        title = f"centreline recall, {name} arteries"
        rows[f"centreline_recall_{name}"] = Metric(title, "", HIGHER)
    return rows


def _of_images() -> dict[str, Metric]:
    rows = {}
    for kind, images in (("slice", "axial slices"), ("projection", "held-out projections")):
        rows[f"{kind}_psnr_db"] = Metric(f"PSNR of {images}", "dB", HIGHER, LOG)
        rows[f"{kind}_ssim"] = Metric(f"SSIM of {images}", "", HIGHER)
        rows[f"{kind}_gmsd"] = Metric(f"GMSD of {images}", "", LOWER)
    return rows


METRICS = {
    "empty": Metric("empty reconstructions", "", NEITHER),
    "iou": Metric("IoU", "", HIGHER),
    "dice": Metric("Dice", "", HIGHER),
    "precision": Metric("precision", "", HIGHER),
    "recall": Metric("recall", "", HIGHER),
    "pixel_accuracy": Metric("pixel accuracy", "", HIGHER),
    "mse_probability": Metric("MSE of probabilities", "", LOWER),
    "mae_probability": Metric("MAE of probabilities", "", LOWER),
    "mse_binary": Metric("MSE of masks", "", LOWER),
    "mae_binary": Metric("MAE of masks", "", LOWER),
    # With another skeleton it is another number: by 0.01 on average, by more in one patient.
    "cldice": Metric("clDice (own thinning)", "", HIGHER),
    "topology_precision": Metric("topology precision", "", HIGHER),
    "topology_sensitivity": Metric("topology sensitivity", "", HIGHER),
    "betti0": Metric("components (b0)", "", NEITHER, LOG),
    "betti0_error": Metric("error of b0", "", LOWER, LOG),
    "betti1": Metric("loops (b1)", "", NEITHER, LOG),
    "betti1_error": Metric("error of b1", "", LOWER, LOG),
    "betti2": Metric("cavities (b2)", "", NEITHER, LOG),
    "betti2_error": Metric("error of b2", "", LOWER, LOG),
    "open_edges": Metric("open edges of the surface", "", LOWER),
    "shells": Metric("closed surfaces", "", NEITHER, LOG),
    "shells_error": Metric("error of closed surfaces", "", LOWER, LOG),
    "hd95_mm": Metric("HD95", "mm", LOWER, LOG),
    "assd_mm": Metric("ASSD", "mm", LOWER, LOG),
    "nsd_1mm": Metric("NSD at 1 mm", "", HIGHER),
    **_of_calibres(),
    "iou_exact": Metric("IoU with the exact arteries", "", HIGHER),
    "dice_exact": Metric("Dice with the exact arteries", "", HIGHER),
    "lesion_recall": Metric("recall of lesions", "", HIGHER),
    "lesions_found": Metric("lesions found", "", HIGHER),
    "projection_dice": Metric("Dice of held-out projections", "", HIGHER),
    **_of_images(),
    "calibration_error": Metric("calibration error", "", LOWER, LOG),
}
