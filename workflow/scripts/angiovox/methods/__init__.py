"""Reconstruction methods, one module each; `angiovox.interface` says what a method is."""
