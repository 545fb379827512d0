"""A conditional GAN on axial slices, after pix2pix."""
