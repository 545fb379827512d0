"""From angiograms of a patient, seen from few directions, to a tree and what is known of it."""
