"""Anisotropic 3D Gaussians fitted to the views of one patient, after R2-Gaussian and 3DGR-CAR."""
