"""Phantom patients: arteries, lesions, contrast, scanner, and the truth about them."""
