"""Studies of line integrals in a cone beam, by the rules of the paper's study."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from angiovox.geometry.imaging import Imaging
from conftest import TINY, snakemake, tiny
from plans import PHANTOMS, planned

DSA = {
    "kind": "line_integral",
    "beam": "cone",
    "first_degrees": -100,
    "arc_degrees": 200,
    "photons": 10000,
}
CONE = {"projection": DSA, "methods": {"sirt": {}}}
SIRT = "results/metrics/sirt/views-2/seed-1.csv"
CONSISTENT = "results/metrics/consistent/views-2/seed-1.csv"


def test_the_config_of_angiograms_has_a_folder_of_its_own(fresh):
    """It makes all anew there; the paper's study, which is not there yet, is warned of once."""
    dry = snakemake(fresh, "-n", "--configfile", "config/dsa.yaml", "--directory", "dsa")
    assert dry.returncode == 0, dry.stdout
    plan = planned(dry.stdout)
    assert plan["project"] == plan["back_project"] == 46 and "project_cone_beam" not in plan
    assert plan["training_pool"] == 8
    assert dry.stdout.count("../results") == 1
    assert not (fresh / "results").exists()


@pytest.mark.thorough
def test_another_imaging_makes_anew_what_follows_from_the_views(finished):
    """Volumes and masks stay; line integrals are the projections, in one file."""
    dry = tiny(finished, "-n", SIRT, CONSISTENT, **CONE)
    assert dry.returncode == 0, dry.stdout
    plan = planned(dry.stdout)
    assert not {"phantom", "convert", "mask", "project_cone_beam"} & {*plan}
    assert plan["project"] == len(PHANTOMS)
    done = tiny(finished, SIRT, CONSISTENT, **CONE)
    assert done.returncode == 0, done.stdout
    imaging = Imaging(TINY["volume"]["shape"], TINY["projections"], **DSA)
    stored = nib.load(finished / f"results/projections/{PHANTOMS[0]}.nii")
    assert stored.shape == imaging.views(imaging.grid(stored.affine)).shape
    attenuation = stored.get_fdata()
    assert abs(np.median(attenuation)) < 0.05 < attenuation.max() < 3
    for path in (SIRT, CONSISTENT):
        scores = pd.read_csv(finished / path)
        iou = scores[scores["metric"] == "iou"]["value"]
        assert len(iou) == 2 and iou.between(0, 1).all()
    assert planned(tiny(finished, "-n", SIRT, CONSISTENT, **CONE).stdout) == {}


@pytest.mark.thorough
def test_figure_1_says_what_was_projected(finished):
    done = tiny(finished, "results/figures/figure1.png", **CONE)
    assert done.returncode == 0, done.stdout
    assert (finished / "results/figures/figure1.pdf").stat().st_size > 10000
