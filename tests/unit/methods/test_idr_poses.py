"""IDR finds the pose of a view that stands elsewhere than its angle says."""

import numpy as np
import pytest
from angiovox.geometry.grid import Grid
from angiovox.geometry.views import parallel_views
from angiovox.method import Context, Measurement
from angiovox.methods.idr.method import Settings
from angiovox.methods.idr.optimise import Fit
from angiovox.methods.silhouette_rays import Scene

EDGE, VIEWS, WRONG, OFF = 64, 20, 9, 2.0  # degrees
BALLS = [  # x, y, z from the middle, and radius: apart in most views
    (15.6, 7.8, -13.0, 5.2),
    (-20.8, 2.6, -10.4, 4.7),
    (5.2, -20.8, 7.8, 5.2),
    (-10.4, -13.0, 15.6, 4.2),
    (-5.2, 20.8, 2.6, 5.2),
    (20.8, -10.4, 15.6, 4.7),
]
SETTINGS = {
    "steps": 400,
    "pixels": 640,
    "samples": 64,
    "width": 48,
    "layers": 4,
    "frequencies": 4,
    "learning_rate": 2e-3,
    "pose_rate": 1e-3,
    "start": "hull",
    "hull_only": True,
    "margin": 3,  # a ball moves by 0.7 pixels
}


def projections(angles):
    """Discs, exactly where the balls are seen, (views, i, j) in [0, 1]."""
    seen = parallel_views(angles, Grid(3 * (EDGE,), 3 * (1.0,))).project(np.array(BALLS)[:, :3])
    i, j = np.indices((EDGE, EDGE))
    discs = [
        [
            np.clip(ball[3] - np.hypot(i - u, j - v) + 0.5, 0, 1)
            for ball, (u, v) in zip(BALLS, view, strict=True)
        ]
        for view in seen
    ]
    return np.max(discs, axis=1).astype(np.float32)


@pytest.mark.thorough
@pytest.mark.usefixtures("one_thread")
def test_a_view_off_by_2_degrees_is_found_again():
    """To within 0.5 degrees of rotation, against the mean of the others: all may turn together."""
    angles = np.linspace(0, 171, VIEWS)
    said = angles + OFF * (np.arange(VIEWS) == WRONG)
    scene = Scene.of(Measurement(said, {"projections": projections(angles)}), 0.5, 3)
    fit = Fit(scene, Settings(poses=True, **SETTINGS), Context(1))
    fit.run()
    turns = np.rad2deg(fit.poses[0].detach().numpy()[:, :3])
    others = np.delete(turns, WRONG, axis=0)
    print(f"found {turns[WRONG] - others.mean(axis=0)}, others vary by {others.std(axis=0)}")
    # The angle is about -z: taking 2 degrees off it is turning by 2 degrees about z.
    assert np.linalg.norm(turns[WRONG] - others.mean(axis=0) - [0, 0, OFF]) < 0.5
    assert np.linalg.norm(others - others.mean(axis=0), axis=1).max() < 1.0
