"""X2CT: from two orthogonal X-rays to a volume, with and without a discriminator."""
