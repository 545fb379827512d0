"""A sinusoidal network that a prior image is embedded in, then fitted to one patient's views."""
