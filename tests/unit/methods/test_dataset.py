"""Patients read from disk give a method what it asked for, and no more."""

import numpy as np
import pytest
from angiovox.geometry.affine import isotropic_affine
from angiovox.geometry.cone_beam import study_views
from angiovox.geometry.grid import Grid
from angiovox.geometry.imaging import Imaging
from angiovox.geometry.parallel_beam import projection_angles, view_indices
from angiovox.io import nifti
from angiovox.io.pool_files import write_examples
from angiovox.io.quantization import QuantizedVolume
from angiovox.methods.dataset import PatientDataset
from angiovox.projectors.backprojection import network_inputs
from angiovox.projectors.imaging import project
from angiovox.projectors.line_integral import line_integral
from angiovox.projectors.mip import project_max
from entries import NAMES, create

NUM_PROJECTIONS = 10
IMAGING = Imaging(4, NUM_PROJECTIONS)
BEAM = {"source_detector_mm": 1200, "source_isocentre_mm": 785}
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture
def stored(tmp_path):
    """Paths of two patients' projections, sums and masks, with the arrays in them."""
    rng = np.random.default_rng(0)
    arrays = {"projections": [], "sum": [], "masks": []}
    paths = {kind: [] for kind in arrays}
    for number in range(2):
        own = {
            "projections": rng.random((NUM_PROJECTIONS, 4, 5), dtype=np.float32),
            "sum": rng.random((4, 4, 5), dtype=np.float32),
            "masks": rng.random((4, 4, 5)) > 0.5,
        }
        for kind, array in own.items():
            arrays[kind].append(array)
            paths[kind].append(str(tmp_path / f"{kind}-{number}.nii"))
            nifti.save_volume(paths[kind][-1], array, AFFINE)
    return arrays, paths


def test_projections_and_angles_are_those_of_the_view_count(stored):
    arrays, paths = stored
    patients = PatientDataset({"projections": paths["projections"]}, IMAGING, views=[3, 3])
    chosen = view_indices(NUM_PROJECTIONS, 3)
    for index, whole in enumerate(arrays["projections"]):
        views, _ = patients[index]
        np.testing.assert_array_equal(views.inputs["projections"], whole[chosen])
        np.testing.assert_array_equal(views.angles, projection_angles(NUM_PROJECTIONS)[chosen])


def test_only_what_was_asked_for_is_there(stored):
    arrays, paths = stored
    views, _ = PatientDataset({"sum": paths["sum"]}, IMAGING, views=[2, 2])[1]
    assert list(views.inputs) == ["sum"]
    np.testing.assert_array_equal(views.inputs["sum"], arrays["sum"][1])


def test_a_mask_comes_only_where_its_path_was_given(stored):
    arrays, paths = stored
    blind = PatientDataset({"sum": paths["sum"]}, IMAGING, [2, 2])
    seeing = PatientDataset({"sum": paths["sum"]}, IMAGING, [2, 2], paths["masks"])
    assert blind[0][1] is None
    np.testing.assert_array_equal(seeing[0][1], arrays["masks"][0])


def test_patients_can_be_counted_and_run_out(stored):
    patients = PatientDataset({"sum": stored[1]["sum"]}, IMAGING, [2, 2])
    assert len(patients) == len(list(patients)) == 2
    for index in (-1, 2):
        with pytest.raises(IndexError):
            patients[index]


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("kinds", [("sum",), ("min",), ("sum", "min")])
def test_what_is_rebuilt_is_what_the_file_would_hold(tmp_path, kinds, coded):
    angles = projection_angles(NUM_PROJECTIONS)
    volume = np.random.default_rng(1).normal(50, 400, (9, 9, 5)).astype(np.float32)
    projections = tmp_path / "projections.nii"
    nifti.save_intensities(projections, project_max(volume, angles), AFFINE)
    codes = nifti.load_quantized(projections)[0].codes
    counts = [view_indices(NUM_PROJECTIONS, views) for views in (10, 3, 2)]
    kept = dict(zip(("sum", "min"), network_inputs(codes, angles, counts, 9), strict=True))
    for kind in kinds:
        nifti.save_quantized(tmp_path / f"{kind}.nii", QuantizedVolume(kept[kind][1]), AFFINE)
    paths = {kind: [tmp_path / f"{kind}.nii"] for kind in kinds}
    stored = PatientDataset(paths, Imaging(9, NUM_PROJECTIONS), [3, 3], coded=coded)
    paths = {kind: [projections] for kind in kinds}
    how = {"recomputed": ("min", "sum"), "threads": 2, "coded": coded}
    recomputed = PatientDataset(paths, Imaging(9, NUM_PROJECTIONS), [3, 3], **how)
    for kind in kinds:
        made, expected = recomputed[0][0].inputs[kind], stored[0][0].inputs[kind]
        assert set(recomputed[0][0].inputs) == set(kinds)
        assert made.dtype == expected.dtype == (np.uint16 if coded else np.float32)
        np.testing.assert_array_equal(made, expected)


def test_codes_are_those_of_the_values(stored, tmp_path):
    values = stored[0]["sum"][0]
    nifti.save_fractions(tmp_path / "sum.nii", values, AFFINE)
    paths = {"sum": [tmp_path / "sum.nii"], "projections": stored[1]["projections"][:1]}
    coded, _ = PatientDataset(paths, IMAGING, [2, 2], coded=True)[0]
    plain, _ = PatientDataset(paths, IMAGING, [2, 2])[0]
    np.testing.assert_array_equal(coded.inputs["sum"], np.rint(values * 65535))
    np.testing.assert_allclose(plain.inputs["sum"], coded.inputs["sum"] / 65535, atol=1e-7)
    assert coded.inputs["projections"].dtype == np.float32


def test_a_file_of_another_scale_is_decoded(stored, tmp_path):
    """Codes stand for fractions, or are none."""
    codes = np.arange(100, dtype=np.uint16).reshape(4, 5, 5)
    nifti.save_quantized(
        tmp_path / "sum.nii", QuantizedVolume(codes, slope=0.5, intercept=2.0), AFFINE
    )
    coded, _ = PatientDataset({"sum": [tmp_path / "sum.nii"]}, IMAGING, [2, 2], coded=True)[0]
    np.testing.assert_array_equal(coded.inputs["sum"], 0.5 * codes + 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_given_what_it_asks_for_as_it_wants_it(stored, tmp_path, name):
    projections = stored[1]["projections"][:1]
    needs = create(name).needs
    paths = {"projections": projections, "line_integrals": projections}
    for kind in ("sum", "min"):
        paths[kind] = [str(tmp_path / f"{kind}.nii")]
        nifti.save_fractions(paths[kind][0], np.linspace(0, 1, 80).reshape(4, 4, 5), AFFINE)
    how = {"imaging": IMAGING, "views": [2, 2], "cone_beam": BEAM}
    known, _ = PatientDataset.for_method(needs, paths, **how)[0]
    assert set(known.inputs) == set(needs.inputs)
    for kind in {"sum", "min"} & set(known.inputs):
        coded = needs.accepts_uint16
        assert known.inputs[kind].dtype == (np.uint16 if coded else np.float32)


# Cone beam


def test_line_integrals_come_with_the_geometry_that_they_were_projected_by(tmp_path):
    volume = np.random.default_rng(0).random((8, 8, 8), dtype=np.float32)
    angles = projection_angles(NUM_PROJECTIONS)
    grid = Grid(volume.shape, (0.5, 0.5, 0.5))
    whole = line_integral(volume, grid, study_views(angles, grid, **BEAM))
    path = tmp_path / "integrals.nii"
    nifti.save_volume(path, whole, isotropic_affine(volume.shape, 0.5))
    given = {"line_integrals": [str(path)]}
    patients = PatientDataset(given, Imaging(8, NUM_PROJECTIONS), [3], cone_beam=BEAM)
    measurement, _ = patients[0]
    assert measurement.grid == grid and measurement.shape == volume.shape
    seen = line_integral(volume, measurement.grid, measurement.cone_beam)
    np.testing.assert_allclose(measurement.inputs["line_integrals"], seen, rtol=1e-6)


def test_other_inputs_come_without_a_cone_beam(stored):
    measurement, _ = PatientDataset({"sum": stored[1]["sum"]}, IMAGING, [2, 2])[0]
    assert measurement.cone_beam is None


DSA = Imaging(8, NUM_PROJECTIONS, kind="line_integral", beam="cone", arc_degrees=180)


@pytest.fixture
def dsa(tmp_path):
    """A patient's file of line integrals, and a pool of one phantom."""
    rng = np.random.default_rng(3)
    affine = isotropic_affine((8, 8, 8), 0.5)
    paths = []
    for name in ("own", "pool"):
        share = rng.random((8, 8, 8), dtype=np.float32)
        projections = project(DSA, QuantizedVolume(np.uint16(share > 0.5)), affine, share)
        paths.append(tmp_path / f"{name}.nii")
        nifti.save_quantized(paths[-1], projections, affine)
    stored = nifti.load_quantized(paths[1])[0]
    write_examples(tmp_path / "pool.npz", iter([(stored, np.ones((8, 8, 8), bool))]))
    return paths, tmp_path / "pool.npz"


KINDS = ("projections", "sum", "min", "line_integrals")


def of_dsa(path, **how):
    paths = {kind: [path] for kind in KINDS}
    return PatientDataset(paths, DSA, [2], recomputed=("sum", "min"), **how)


def test_a_study_of_line_integrals_has_the_geometry_of_its_projections(dsa):
    (own, _), _ = dsa
    known, _ = of_dsa(own)[0]
    assert known.imaging == DSA and known.shape == (8, 8, 8)
    assert len(known.views) == len(known.cone_beam) == 2
    np.testing.assert_array_equal(known.views.source, known.cone_beam.source)
    np.testing.assert_array_equal(known.inputs["projections"], known.inputs["line_integrals"])
    assert known.inputs["projections"].shape == known.views.shape
    assert (known.inputs["min"] <= known.inputs["sum"] + 1e-6).all()
    turn = known.angles[1] - known.angles[0]
    assert abs(turn - 90) <= 10  # two views are a biplane pair


def test_a_phantom_of_the_pool_stands_where_a_patient_would(dsa):
    (own, pooled), pool = dsa
    renewed = of_dsa(own, pool=[pool], renewed=[True])
    drawn = [renewed.drawn(0, np.random.default_rng(seed)) for seed in range(20)]
    found = next(known for known, mask in drawn if mask is not None and mask.all())
    expected, _ = of_dsa(pooled)[0]
    for kind in KINDS:
        np.testing.assert_array_equal(found.inputs[kind], expected.inputs[kind])
    np.testing.assert_array_equal(found.views.source, expected.views.source)
    assert found.grid == expected.grid and found.imaging == expected.imaging


# Phantoms that only train


@pytest.fixture
def pooled(stored, tmp_path):
    """Two patients at two view counts, of whom the second may be renewed, and a pool of three."""
    rng = np.random.default_rng(7)
    examples = [
        (
            QuantizedVolume(rng.integers(0, 2**16, (NUM_PROJECTIONS, 4, 5), np.uint16)),
            rng.random((4, 4, 5)) > 0.5,
        )
        for _ in range(3)
    ]
    write_examples(tmp_path / "pool.npz", iter(examples))
    paths = {kind: 2 * stored[1][kind] for kind in ("projections", "sum")}
    how = {"views": [3, 3, 2, 2], "masks": 2 * stored[1]["masks"], "pool": [tmp_path / "pool.npz"]}
    renewed = [False, True, False, True]
    return PatientDataset(paths, IMAGING, renewed=renewed, **how), examples


def test_a_renewed_example_is_any_phantom_at_its_own_number_of_views(pooled):
    patients, examples = pooled
    masks = [mask for _, mask in examples] + [patients[1][1]]
    counts = np.zeros(4)
    for seed in range(400):
        known, mask = patients.drawn(3, np.random.default_rng(seed))
        assert len(known.angles) == 2
        counts[[np.array_equal(mask, other) for other in masks]] += 1
    assert counts.sum() == 400 and counts.min() > 70 and counts.max() < 130


def test_a_pools_example_holds_what_a_patients_files_would(pooled, tmp_path):
    patients, examples = pooled
    found = [patients.drawn(1, np.random.default_rng(seed)) for seed in range(20)]
    for (projections, mask), number in zip(examples, range(3), strict=True):
        known = next(known for known, own in found if np.array_equal(own, mask))
        path = tmp_path / f"own-{number}.nii"
        nifti.save_quantized(path, projections, AFFINE)
        own = PatientDataset(
            {"projections": [path], "sum": [path]}, IMAGING, [3], recomputed=["sum"]
        )[0][0]
        assert set(known.inputs) == set(own.inputs)
        for kind in own.inputs:
            np.testing.assert_array_equal(known.inputs[kind], own.inputs[kind])


def test_a_patient_of_the_users_is_never_replaced(pooled):
    patients, _ = pooled
    for seed in range(20):
        rng = np.random.default_rng(seed)
        _, mask = patients.drawn(0, rng)
        np.testing.assert_array_equal(mask, patients[0][1])
        assert rng.random() == np.random.default_rng(seed).random()  # no chance was used


def test_without_a_pool_nothing_is_drawn(stored):
    patients = PatientDataset({"sum": stored[1]["sum"]}, IMAGING, [2, 2])
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(patients.drawn(1, rng)[0].inputs["sum"], stored[0]["sum"][1])
    assert rng.random() == np.random.default_rng(0).random()


def test_a_pool_is_part_of_what_a_checkpoint_follows_from(pooled, tmp_path):
    assert tmp_path / "pool.npz" in pooled[0].files


def test_an_earlier_mask_is_there_where_paths_are_given(stored):
    arrays, paths = stored
    inputs = {"projections": paths["projections"][:1]}
    plain, earlier = (
        PatientDataset(inputs, IMAGING, views=[2], priors=priors)
        for priors in ([], paths["masks"][1:])
    )
    assert plain[0][0].prior is None
    np.testing.assert_array_equal(earlier[0][0].prior, arrays["masks"][1])
    assert {*earlier.files} - {*plain.files} == {paths["masks"][1]}
