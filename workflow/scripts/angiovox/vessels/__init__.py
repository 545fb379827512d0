"""Vessel graphs, centrelines and radii, which phantoms, metrics and methods share."""
