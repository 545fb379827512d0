"""A plain 3D CNN on back-projections, trained by the soft Jaccard loss alone."""
