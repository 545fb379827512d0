"""DeepMedic: unpadded paths at several resolutions, on back-projections."""
