"""Reconstruction methods, a folder for each family; what several share lies on this level."""
