"""Phantom patients: human cerebral arteries grown from a seed, and a scanner that sees them."""
