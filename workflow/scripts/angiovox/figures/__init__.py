"""Figures of the paper and of the study: arrays and tables in, a matplotlib figure out.

`style.save` writes one. Only `surfaces` draws with pyvista.
"""
