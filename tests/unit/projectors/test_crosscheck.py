"""The cone beam against other projectors: RTK and ASTRA (`pip install .[crosscheck]`)."""

import numpy as np
import pytest
from angiovox.geometry.cone_beam import CArm
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import Views, parallel_views
from angiovox.projectors.line_integral import line_integral, line_integral_adjoint, project_max
from angiovox.projectors.sirt import sirt
from angiovox.projectors.voxel_backprojection import back_project

GRID = Grid((40, 34, 28), (1.5, 1.6, 1.8), (4, -6, 5))
ARM = CArm(1195, 810, (50, 44), (2.5, 2.25), (3, -5))
ANGLES = [0, 90, 30, -50, 140], [0, 0, 25, -20, 35]
PATIENT_TO_RTK = np.array([[-1, 0, 0], [0, 0, 1], [0, 1, 0.0]])  # right, superior, posterior


@pytest.fixture(scope="module")
def itk():
    module = pytest.importorskip("itk")
    if not hasattr(module, "RTK"):
        pytest.skip("itk is installed without RTK")
    return module


def inside(shape=GRID.shape, seed=0):
    """Random numbers, with two voxels of nothing at each border of more than one voxel."""
    volume = np.zeros(shape, np.float32)
    inner = tuple(slice(2, n - 2) if n > 1 else slice(None) for n in shape)
    volume[inner] = np.random.default_rng(seed).random(volume[inner].shape)
    return volume


def image(itk, array, spacing, origin):
    made = itk.image_from_array(np.ascontiguousarray(array.transpose(2, 1, 0)))
    made.SetSpacing([float(number) for number in spacing])
    made.SetOrigin([float(number) for number in origin])
    return made


def in_vectors(itk, views: Views):
    """RTK's geometry of views by the places and axes of source and detector."""
    geometry = itk.RTK.ThreeDCircularProjectionGeometry.New()
    double = itk.D
    for source, origin, u, v in zip(views.source, views.origin, views.u, views.v, strict=True):
        axes = [itk.Vector[double, 3](axis / np.linalg.norm(axis)) for axis in (u, v)]
        points = [itk.Point[double, 3](point.tolist()) for point in (source[:3], origin)]
        assert geometry.AddProjection(*points, *axes)
    return geometry


def run(itk, name, views, target, *others):
    kind = type(target)
    worker = getattr(itk.RTK, name)[kind, kind].New()
    for number, given in enumerate((target, *others)):
        worker.SetInput(number, given)
    worker.SetGeometry(in_vectors(itk, views))
    worker.Update()
    return itk.array_from_image(worker.GetOutput()).transpose(2, 1, 0)


def projections_image(itk, views, array):
    """RTK's projections (i, j, view) with pixel (0, 0) at the detector's origin."""
    steps = np.linalg.norm(views.u[0]), np.linalg.norm(views.v[0])
    return image(itk, np.moveaxis(array, 0, 2).astype(np.float32), (*steps, 1), (0, 0, 0))


def test_line_integrals_equal_those_of_rtk(itk):
    views, volume = ARM.views(*ANGLES), inside()
    given = image(itk, volume, GRID.voxel_size, GRID.first)
    empty = projections_image(itk, views, np.zeros(views.shape))
    theirs = run(itk, "JosephForwardProjectionImageFilter", views, empty, given)
    ours = line_integral(volume, GRID, views)
    difference = np.abs(ours - np.moveaxis(theirs, 2, 0)).max() / ours.max()
    print(f"largest difference {difference:.1e} of the largest line integral")
    assert difference < 1e-5


def test_adjoint_equals_that_of_rtk(itk):
    """Inside: at its borders RTK puts what we leave outside onto the last voxel."""
    views = ARM.views(*ANGLES)
    values = np.random.default_rng(1).random(views.shape, dtype=np.float32)
    empty = image(itk, np.zeros(GRID.shape, np.float32), GRID.voxel_size, GRID.first)
    given = projections_image(itk, views, values)
    theirs = run(itk, "JosephBackProjectionImageFilter", views, empty, given)
    ours = line_integral_adjoint(values, GRID, views)
    inner = (slice(2, -2),) * 3
    difference = np.abs(ours - theirs)[inner].max() / ours.max()
    print(f"largest difference {difference:.1e} of the largest value")
    assert difference < 1e-5


def test_maxima_equal_those_of_rtk(itk):
    """RTK takes Joseph's samples too, but gives the greatest times a ray's length between planes.

    Not compared is a volume that does not end in nothing: a sample beyond the outermost voxels is
    interpolated to 0 here, and is the last voxel's in RTK.
    """
    views, volume = ARM.views(*ANGLES), inside()
    given = image(itk, volume, GRID.voxel_size, GRID.first)
    empty = projections_image(itk, views, np.zeros(views.shape))
    theirs = run(itk, "MaximumIntensityProjectionImageFilter", views, empty, given)
    starts, stops = views.rays()
    voxels = abs((stops - starts) / GRID.voxel_size).max(axis=1)
    length = (np.linalg.norm(stops - starts, axis=1) / voxels).reshape(views.shape)
    ours = project_max(volume, GRID, views)
    difference = np.abs(ours - np.moveaxis(theirs, 2, 0) / length).max() / ours.max()
    print(f"largest difference {difference:.1e} of the greatest value")
    assert difference < 1e-5


def test_back_projection_by_voxels_equals_that_of_rtk(itk):
    """The sum, where all views see a voxel: RTK goes on half a pixel beyond the outermost."""
    views = ARM.views(*ANGLES)
    values = np.random.default_rng(1).random(views.shape, dtype=np.float32)
    empty = image(itk, np.zeros(GRID.shape, np.float32), GRID.voxel_size, GRID.first)
    given = projections_image(itk, views, values)
    theirs = run(itk, "BackProjectionImageFilter", views, empty, given)
    ours = back_project(values, GRID, views, "sum")
    seen = back_project(np.ones_like(values), GRID, views, "sum") == len(views)
    difference = np.abs(ours - theirs)[seen].max() / ours.max()
    print(f"largest difference {difference:.1e} of the largest value, {seen.mean():.0%} of voxels")
    assert seen.mean() > 0.8 and difference < 1e-5


@pytest.mark.parametrize("primary, secondary", list(zip(*ANGLES, strict=True)))
def test_angles_are_those_of_an_isocentric_gantry_in_rtk(itk, primary, secondary):
    """Source inferior at a positive angle out of plane; its detector's first axis runs to right."""
    geometry = itk.RTK.ThreeDCircularProjectionGeometry.New()
    sizes = ARM.source_isocentre, ARM.source_detector
    geometry.AddProjection(*sizes, primary, 0, 0, secondary, 0, 0, 0)
    theirs = itk.array_from_matrix(geometry.GetMatrix(0))
    views = ARM.views(primary, secondary)
    points = np.random.default_rng(2).uniform(-80, 80, (20, 3))
    seen = theirs @ np.vstack([PATIENT_TO_RTK @ points.T, np.ones(20)])
    on_detector = (seen[:2] / seen[2]).T
    middle = (np.array(ARM.detector) - 1) / 2
    ours = (views.project(points)[0] - middle) * ARM.pixel_size + ARM.offset
    np.testing.assert_allclose(ours, on_detector * [-1, 1], atol=1e-6)


def test_the_middle_plane_is_that_of_astras_fan_beam():
    """ASTRA's for the CPU has lengths through square voxels: apart by 1.4 % at twice the voxels."""
    astra = pytest.importorskip("astra")
    grid = Grid((96, 80, 1), (0.75, 0.75, 0.75))
    x, y, _ = np.moveaxis(grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    volume = np.exp(-((x - 8) ** 2 + (y + 5) ** 2) / 100) + np.exp(-((x + 15) ** 2 + y**2) / 50)
    views = CArm(1195, 810, (60, 1), (2.2, 1.0), (4, 0)).views([0, 30, 75, 160, -60])
    middle = views.origin + (views.detector[0] - 1) / 2 * views.u
    vectors = np.hstack([views.source[:, :2], middle[:, :2], views.u[:, :2]])
    geometry = astra.create_proj_geom("fanflat_vec", views.detector[0], vectors)
    half = np.multiply(grid.shape, grid.voxel_size)[:2] / 2
    plane = astra.create_vol_geom(*grid.shape[1::-1], -half[0], half[0], -half[1], half[1])
    projector = astra.create_projector("line_fanflat", geometry, plane)
    rows = np.ascontiguousarray(volume[:, ::-1, 0].T)  # ASTRA's first row is the greatest y
    _, theirs = astra.create_sino(rows, projector)
    ours = line_integral(volume, grid, views)[..., 0]
    difference = np.abs(ours - theirs).max() / ours.max()
    print(f"largest difference {difference:.1e} of the largest line integral")
    assert difference < 0.01


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("iterations", [1, 30])
def test_sirt_of_a_slice_is_astras(masked, iterations):
    """With a box, without and with a support; ASTRA's "linear" projector is Joseph's as well."""
    astra = pytest.importorskip("astra")
    grid = Grid((48, 48, 1), (1.0, 1.0, 1.0))
    x, y, _ = np.moveaxis(grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    volume = np.exp(-((x - 4) ** 2 + (y + 5) ** 2) / 20) + np.exp(-((x + 6) ** 2 + y**2) / 15)
    volume, support = (0.045 * volume).astype(np.float32), np.hypot(x, y) < 17
    views, box = parallel_views([0, 25, 60, 90, 130], grid), (0, 0.03)
    integrals = line_integral(volume, grid, views)

    def rows(array):  # ASTRA's first row is the greatest y
        return np.ascontiguousarray(array[:, ::-1, 0].T, dtype=np.float32)

    middle = np.zeros((len(views), 2))
    vectors = np.hstack([-views.source[:, :2], middle, views.u[:, :2]])
    geometry = astra.create_proj_geom("parallel_vec", views.detector[0], vectors)
    plane = astra.create_vol_geom(*grid.shape[:2])
    result = astra.data2d.create("-vol", plane, 0)
    options = {"MinConstraint": box[0], "MaxConstraint": box[1]}
    if masked:
        options["ReconstructionMaskId"] = astra.data2d.create("-vol", plane, rows(support))
    config = astra.astra_dict("SIRT") | {
        "ProjectorId": astra.create_projector("linear", geometry, plane),
        "ProjectionDataId": astra.data2d.create("-sino", geometry, integrals[..., 0]),
        "ReconstructionDataId": result,
        "option": options,
    }
    astra.algorithm.run(astra.algorithm.create(config), iterations)
    theirs = astra.data2d.get(result)
    ours = rows(sirt(integrals, grid, views, iterations, box, support if masked else None))
    difference = np.abs(ours - theirs).max() / ours.max()
    print(f"largest difference {difference:.1e} of the largest value")
    assert difference < 1e-4
