"""Centreline graphs in files."""

import numpy as np
from angiovox.io.centreline_files import load_centreline, save_centreline


def test_a_centreline_comes_back_as_it_was(tmp_path):
    rng = np.random.default_rng(1)
    graph = rng.normal(size=(5, 3)), rng.uniform(1, 2, 5), np.array([[0, 1], [1, 4]])
    save_centreline(tmp_path, *graph)
    for one, other in zip(load_centreline(tmp_path), graph, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folder_without_one_has_none(tmp_path):
    assert load_centreline(tmp_path) is None
