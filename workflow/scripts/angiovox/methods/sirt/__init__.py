"""Simultaneous iterative reconstruction of line integrals, with a threshold."""
