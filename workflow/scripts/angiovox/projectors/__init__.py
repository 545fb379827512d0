"""Maximum intensity projection and back-projection, in numba and in PyTorch."""
