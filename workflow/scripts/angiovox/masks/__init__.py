"""Otsu masks, whether they can be vessels, and their surfaces."""
