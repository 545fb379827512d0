"""Prediction of views that were not taken, from views that were: images, and no volumes."""
