"""Courses of the named cerebral arteries: where they run, how thick, which are missing.

Lengths in mm, patient axes (x left, y posterior, z superior), origin between the ends of the
internal carotids. Courses are written for the left side; the right one is their mirror image with
deviations of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .circle_of_willis import SIDES, Variant

FEEDING_BOTH = 1.2  # factor on the calibre of a first segment that feeds both sides
# ASSUME: where the middle cerebral artery divides, mm from the midline: within 16 mm of the carotid
# in most trees traced in people, late in some.
M1_END = (22.0, 31.0)
LEFT_DOMINANT = 0.65  # share of people whose left vertebral artery is the thicker one


@dataclass(frozen=True)
class Course:
    """How one named artery runs: it leaves the host's node nearest to its first control point."""

    name: str
    host: str | None
    control: list[tuple[float, float, float]]
    ends_at: str | None = None  # an artery whose first node is this one's last
    radii: tuple[float, float] | None = None  # start, end in mm; None: by what it feeds
    sprouts_after: float | None = None  # share of the course after which cortical branches leave
    spread: float = 1.0  # mm, standard deviation of the control points


def draw_courses(rng: np.random.Generator, variant: Variant) -> list[Course]:
    """Draw the named arteries of one patient, hosts before what leaves them."""
    dominant = SIDES[0] if rng.random() < LEFT_DOMINANT else SIDES[1]
    courses = [
        Course(
            "basilar",
            None,
            [(0, 13, -30), (0.5, 9, -20), (-0.5, 7, -10), (0, 6, 0)],
            radii=(rng.uniform(1.5, 1.8), rng.uniform(1.3, 1.5)),
        )
    ]
    for side in SIDES:
        calibre = rng.uniform(1.3, 1.6) if side == dominant else rng.uniform(0.9, 1.3)
        courses += _vertebral(side, calibre)
        courses += _carotid(side, rng, variant)
        courses += _posterior(side, rng, variant)
    if variant.anterior_communicating != "absent":
        radius = {"normal": rng.uniform(0.6, 0.9), "hypoplastic": rng.uniform(0.25, 0.35)}
        own = radius[variant.anterior_communicating]
        if set(variant.first_anterior.values()) != {"normal"}:
            own *= FEEDING_BOTH
        way = [(2, -15, 4), (-2, -15, 4)]
        feeder, fed = SIDES
        if variant.first_anterior["left"] != "normal":
            feeder, fed, way = fed, feeder, way[::-1]
        courses.append(Course("ACoA", f"{feeder} A2", way, f"{fed} A2", (own, own), spread=0.3))
    return courses


def _vertebral(side: str, calibre: float) -> list[Course]:
    way = [(12, 25, -41), (9, 21, -37), (5, 16, -33), (0, 13, -30)]
    return [
        Course(f"{side} vertebral", None, way, "basilar", (calibre, 0.95 * calibre)),
        Course(
            f"{side} PICA",
            f"{side} vertebral",
            [(8, 20, -36), (12, 25, -39), (9, 32, -37), (7, 40, -36)],
            sprouts_after=0.6,
        ),
        Course(
            f"{side} AICA",
            "basilar",
            [(0, 8.5, -18), (9, 10, -18), (19, 15, -19), (28, 23, -20)],
            sprouts_after=0.5,
        ),
        Course(
            f"{side} SCA",
            "basilar",
            [(0, 6.2, -2.5), (7, 8, -5), (15, 17, -6), (17, 27, -6), (11, 38, -8)],
            sprouts_after=0.5,
        ),
    ]


def _carotid(side: str, rng: np.random.Generator, variant: Variant) -> list[Course]:
    calibre = rng.uniform(1.8, 2.15)
    depth = rng.uniform(0.7, 1.2)  # of the siphon, from front to back
    rise = rng.uniform(-0.4, 0.3)  # mm up per mm forwards, of its cavernous part
    siphon = [
        (23, 12, -35),
        (22, 12, -30),
        (18, 8, -26),
        (13, 4, -19 - 8 * rise),
        (10.5, 4 * depth, -13.5 - 8 * rise),
        (9.5, -3 * depth, -13.5 - rise),
        (9, -11 * depth, -13.5 + 7 * rise),
        (9.3, -14.5 * depth, -8 + 3 * rise),
        (10, -11 * depth, -4),
        (11.3, -5.5, -1.5),
        (13, -3, 4),
    ]
    courses = [
        Course(f"{side} ICA", None, siphon, radii=(calibre, 0.8 * calibre), spread=1.0),
        Course(
            f"{side} ophthalmic",
            f"{side} ICA",
            [(10, -12 * depth, -5), (11, -19, -6), (13, -27, -7), (15, -38, -4), (14, -46, -3)],
            radii=(rng.uniform(0.4, 0.65), 0.38),
            spread=2.0,
        ),
        Course(
            f"{side} AChA",
            f"{side} ICA",
            [(12.3, -4, 1.5), (14, 2, 3), (17, 10, 5), (20, 19, 8)],
            radii=(rng.uniform(0.28, 0.45), 0.26),
            spread=2.0,
        ),
    ]
    return courses + _middle(side, rng, variant) + _anterior(side, rng, variant)


def _middle(side: str, rng: np.random.Generator, variant: Variant) -> list[Course]:
    """M1, two or three trunks over the insula, and the lenticulostriate arteries."""
    end = (rng.uniform(*M1_END), -4, 2)  # early or late division
    bow = rng.normal(0, 2.5)  # mm that M1 rises or sags
    courses = [
        Course(
            f"{side} M1",
            f"{side} ICA",
            [(13, -3, 4), (19, -5, 5.5 + 0.8 * bow), (25, -6, 4 + bow), end],
            radii=(rng.uniform(1.2, 1.45), rng.uniform(1.0, 1.2)),
        ),
        Course(
            f"{side} M2 superior",
            f"{side} M1",
            [end, (32, -7, 7), (34.5, -6, 14), (36.5, 1, 21), (37.5, 9, 26)],
            sprouts_after=0.15,
        ),
        Course(
            f"{side} M2 inferior",
            f"{side} M1",
            [end, (32, -1, 3), (35.5, 6, 8), (37.5, 14, 15), (39.5, 22, 22)],
            sprouts_after=0.15,
        ),
    ]
    if variant.middle_trunks[side] == 3:
        courses.append(
            Course(
                f"{side} M2 middle",
                f"{side} M1",
                [end, (34.5, -2, 8), (36.5, 5, 15), (38.5, 11, 21)],
                sprouts_after=0.15,
            )
        )
    for number in range(int(rng.integers(3, 6))):
        x = 15 + 2.2 * number
        courses.append(
            Course(
                f"{side} lenticulostriate {number + 1}",
                f"{side} M1",
                [(x, -5, 5 + 0.8 * bow), (x + 1, -3, 12), (x + 3, -1, 20), (x + 1, 2, 28)],
                radii=(0.3, 0.16),
            )
        )
    return courses


def _anterior(side: str, rng: np.random.Generator, variant: Variant) -> list[Course]:
    """A1, and A2 with the pericallosal course, which exists whatever the variant feeds it by."""
    distal = [
        (2, -15, 4),
        (1.8, -21, 6),
        (1.8, -27, 13),
        (1.8, -26, 23),
        (1.8, -18, 33),
        (1.8, -3, 39),
        (1.8, 14, 41),
        (1.8, 30, 39),
        (1.8, 42, 33),
    ]
    courses = [Course(f"{side} A2", None, distal, sprouts_after=0.15, spread=0.8)]
    first = variant.first_anterior[side]
    if first != "absent":
        other = variant.first_anterior[SIDES[1 - SIDES.index(side)]]
        calibre = rng.uniform(0.8, 1.1) * (1.0 if other == "normal" else FEEDING_BOTH)
        radii = (0.35, 0.3) if first == "hypoplastic" else (calibre, calibre)
        way = [(13, -3, 4), (9, -6, 6.5), (5, -11, 5), (2, -15, 4)]
        courses.append(Course(f"{side} A1", f"{side} ICA", way, f"{side} A2", radii))
    return courses


def _posterior(side: str, rng: np.random.Generator, variant: Variant) -> list[Course]:
    distal = [
        (10, 9, 1.5),
        (16, 15, 3),
        (18, 24, 5),
        (14, 35, 7),
        (9, 47, 8),
        (6, 60, 9),
        (5, 76, 11),
    ]
    state = variant.posterior_communicating[side]
    calibre = rng.uniform(0.25, 0.4) if state == "fetal" else rng.uniform(0.75, 1.05)
    courses = [
        Course(f"{side} P2", None, distal, sprouts_after=0.2),
        Course(
            f"{side} P1",
            "basilar",
            [(0, 6, 0), (5, 6, 1), (10, 9, 1.5)],
            f"{side} P2",
            (calibre,) * 2,
        ),
    ]
    for number in range(2):
        courses.append(
            Course(
                f"{side} thalamoperforating {number + 1}",
                f"{side} P1",
                [(3 + 2 * number, 6, 1), (3 + number, 10, 10), (4 + 2 * number, 13, 18)],
                radii=(0.24, 0.14),
            )
        )
    way = [(11.3, -5.5, -1), (10.8, 1, -1), (10, 9, 1.5)]
    radius = {"normal": rng.uniform(0.55, 0.85), "hypoplastic": rng.uniform(0.2, 0.45)}.get(state)
    if state != "absent":
        radii = None if radius is None else (radius, radius)
        courses.append(Course(f"{side} PCoA", f"{side} ICA", way, f"{side} P2", radii, spread=0.6))
    return courses
