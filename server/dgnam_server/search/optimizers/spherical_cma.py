"""A search on a sphere: all points have one length, and their spread shrinks by a schedule."""

from collections.abc import Mapping

import numpy as np

from dgnam_server.search.optimizers.optimizer import Entry, Optimizer, Origin, population
from dgnam_server.synth.options import Option

_BY_RANK = 1.5  # how far the mean goes past the weighted mean of the better half, in its own angle


class SphericalCma:
    """Wang and Ponce 2022, section 5: exploration and update are along great circles of a sphere.

        w  = sphere( sum_i w_i x_i ),  w_i ~ log(m + 1/2) - log(rank_i), the better half m
        c' = slerp(c, w, 1.5)
        x  = cos(|t|) c' + sin(|t|) r t / |t|,  t = mu (u - projection of u on c'),  u ~ N(0, 1)

    `mu` falls geometrically so that the mean angle between c' and x goes from `start_angle` to `end_angle`. The published program also
    shows c' itself in every generation and does not use its score; here it is left out. Missing scores count as the median.
    """

    def __init__(self, origin: Origin, radius: float, angles: np.ndarray) -> None:
        self._random, self._angles, self._generation = origin.random, np.deg2rad(angles), 0
        self._radius = radius * np.sqrt(origin.points.shape[1])
        self._centre: np.ndarray | None = None
        self._points = self._on_sphere(origin.points)

    def ask(self) -> np.ndarray:
        """Points about the centre, at about the generation's angle; the first are those it was given."""
        if self._centre is not None:
            u = self._random.standard_normal(self._points.shape)
            unit = self._centre / self._radius
            tangent = u - np.outer(u @ unit, unit)
            angle = self._angles[min(self._generation - 1, len(self._angles) - 1)] * np.linalg.norm(tangent, axis=1, keepdims=True)
            angle /= np.sqrt(len(unit) - 1)
            direction = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
            self._points = np.cos(angle) * self._centre + np.sin(angle) * self._radius * direction
        return self._points

    def tell(self, scores: np.ndarray) -> None:
        """Turn the centre towards the better half."""
        if np.isnan(scores).all():
            return
        better = len(scores) // 2
        order = np.argsort(-np.where(np.isnan(scores), np.nanmedian(scores), scores), kind="stable")[:better]
        weights = np.log(better + 0.5) - np.log(np.arange(1, better + 1))
        mean = self._on_sphere((weights[:, None] * self._points[order]).sum(0))
        self._centre = mean if self._centre is None else self._beyond(self._centre, mean)
        self._generation += 1

    def _on_sphere(self, points: np.ndarray) -> np.ndarray:
        scaled: np.ndarray = self._radius * points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-12)
        return scaled

    def _beyond(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """The point past `end` on the great circle from `start`."""
        angle = np.arccos(np.clip(start @ end / self._radius**2, -1, 1))
        if angle < 1e-9:
            return end
        return self._on_sphere(np.sin((1 - _BY_RANK) * angle) * start + np.sin(_BY_RANK * angle) * end)


def _make(origin: Origin, settings: Mapping[str, float]) -> Optimizer:
    angles = np.geomspace(settings["start_angle"], settings["end_angle"], max(1, origin.generations - 1))
    return SphericalCma(origin, settings["radius"], angles)


def _angle(name: str, when: str, default: float) -> Option:
    return Option(name, f"Mean angle between the centre and the points in the {when} generation, in degrees.", 0.1, 89.0, default)


ENTRY = Entry(
    name="spherical-cma",
    description="Searches on a sphere of codes of one length, with steps that shrink by a schedule until the last picture.",
    citation="Wang and Ponce 2022, arXiv 2204.06765",
    options=(
        population(40),
        Option("radius", "Length of the codes, over that of a typical photograph's.", 0.1, 10.0, 1.5, part="optimizer"),
        _angle("start_angle", "second", 50.0),
        _angle("end_angle", "last", 7.33),
    ),
    make=_make,
    bytes=lambda dimensions, population: 8 * dimensions * 4 * population,
)
