"""Centrelines from intersecting surfaces with NURBS contours, after Galassi et al. 2018."""
