"""Line integrals of Gaussians in closed form, in a parallel or a cone beam.

A pixel's ray passes the centre of a Gaussian at an offset delta of the detector, which is tau delta
at the Gaussian's depth; with m along the ray and P the inverse of the covariance, the integral is

    density |m| sqrt(2 pi / m'Pm) exp(-(tau^2 / 2) (delta'P delta - (delta'Pm)^2 / m'Pm)),

which is exact in both beams. Splatting (Zwicker et al. 2001) linearises the cone beam about the
Gaussian's centre, whose factor R2-Gaussian corrects; here nothing is linearised.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...geometry.views import Views
from .windows import REACH, along, groups, outside, scatter_add


def line_integrals(centre: Tensor, covariance: Tensor, density: Tensor, views: Views) -> Tensor:
    """Integrate the sum of Gaussians along the ray of each pixel.

    Parameters
    ----------
    centre : (n, 3) mm. covariance : (n, 3, 3) mm^2. density : (n,).
    views : the geometry.

    Returns
    -------
    (views, i, j), in units of the density times mm. A Gaussian reaches the pixels within 3 standard
    deviations of where it is seen.
    """
    precision = torch.linalg.inv(covariance)
    images = [
        _image(centre, precision, density, views[number : number + 1])
        for number in range(len(views))
    ]
    return torch.stack(images)


def _image(centre: Tensor, precision: Tensor, density: Tensor, view: Views) -> Tensor:
    matrix, source, origin, u, v = (
        torch.tensor(array[0]).to(centre)
        for array in (view.matrices, view.source, view.origin, view.u, view.v)
    )
    seen = centre @ matrix[:, :3].T + matrix[:, 3]
    tau = seen[:, 2]
    place = seen[:, :2] / tau[:, None]
    pixel = origin + place[:, :1] * u + place[:, 1:] * v
    ray = source[:3] - source[3] * pixel
    terms = _products(precision, ray, u, v)
    half = REACH * _deviations(terms, tau)
    memory, shape = centre.new_zeros(math.prod(view.detector)), view.detector
    for chosen, index in groups(place, half, shape):
        x, y = (along(index[a] - place[chosen, a, None], a, 2) for a in range(2))
        uu, uv, vv, um, vm, mm = (term[chosen, None, None] for term in terms)
        linear = um * x + vm * y
        offset = uu * x.square() + (2 * uv * x) * y + vv * y.square()
        across = linear - source[3] * offset
        length = mm - source[3] * (linear + across)
        form = tau[chosen, None, None].square() * (offset - across.square() / length)
        beyond = [along(values, a, 2) for a, values in enumerate(outside(index, shape))]
        values = torch.exp(-0.5 * (form + beyond[0] + beyond[1])) * (2 * math.pi / length).sqrt()
        memory = scatter_add(memory, density[chosen, None, None] * values, index, shape)
    return memory.view(shape) * _ray_lengths(source, origin, u, v, shape)


def _products(precision: Tensor, ray: Tensor, u: Tensor, v: Tensor) -> list[Tensor]:
    """u'Pu, u'Pv, v'Pv, u'Pm, v'Pm, m'Pm of each Gaussian, (n,) each."""
    of_u, of_v = precision @ u, precision @ v
    of_ray = (precision @ ray[:, :, None])[:, :, 0]
    return [of_u @ u, of_u @ v, of_v @ v, of_ray @ u, of_ray @ v, (of_ray * ray).sum(dim=1)]


def _deviations(terms: list[Tensor], tau: Tensor) -> Tensor:
    """Standard deviations (n, 2) in pixels of the Gaussians as they are seen."""
    uu, uv, vv, um, vm, mm = (term.detach() for term in terms)
    first, second, mixed = uu - um**2 / mm, vv - vm**2 / mm, uv - um * vm / mm
    determinant = (first * second - mixed**2).clamp(min=1e-12)
    return (torch.stack([second, first], dim=1) / determinant[:, None]).sqrt() / tau.detach()[
        :, None
    ]


def _ray_lengths(source: Tensor, origin: Tensor, u: Tensor, v: Tensor, shape: tuple) -> Tensor:
    """Lengths |m| in mm of the rays' vectors, (i, j); of a parallel beam all alike."""
    i, j = (torch.arange(count, device=u.device).to(u)[:, None] for count in shape)
    pixels = origin + (i * u)[:, None] + j * v
    return (source[:3] - source[3] * pixels).norm(dim=2)
