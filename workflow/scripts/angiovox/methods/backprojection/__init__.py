"""The back-projected sum with a threshold."""
