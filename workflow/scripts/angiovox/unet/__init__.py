"""A 3D U-Net on back-projections: the network, its training, and the physics in its loop."""
