"""Vessel graphs, centrelines and radii, which phantoms, metrics and methods share."""

THINNEST = 0.35  # mm radius: what the published reconstructions could see
