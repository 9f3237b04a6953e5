"""The spherical search stays on its sphere, and its steps shrink by the schedule."""

import numpy as np
from dgnam_server.search.optimizers.optimizer import Origin
from dgnam_server.search.optimizers.spherical_cma import ENTRY


def test_points_lie_on_the_sphere_at_the_schedules_angles() -> None:
    random = np.random.default_rng(0)
    settings = ENTRY.settings({"radius": 2.0, "start_angle": 40, "end_angle": 10})
    optimizer = ENTRY.make(Origin(random.standard_normal((40, 400)), np.zeros(400), 11, random), settings)
    angles = []
    for _ in range(11):
        points = optimizer.ask()
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 2.0 * 20)
        centre = points.mean(0) / np.linalg.norm(points.mean(0))
        angles.append(np.rad2deg(np.arccos(points @ centre / 40)).mean())
        optimizer.tell(points[:, 0])
    assert abs(angles[1] - 40) < 2 and abs(angles[-1] - 10) < 1
    assert (np.diff(angles[1:]) < 0).all()
