"""Files of training examples: what was written is read, one example at a time."""

import numpy as np
import pytest
from angiovox.errors import InputError
from angiovox.io.pool_files import count_examples, read_example, write_examples
from angiovox.io.quantization import QuantizedVolume

SHAPE = (5, 4, 3)  # no whole number of bytes of bits


@pytest.fixture
def examples():
    rng = np.random.default_rng(0)
    return [
        (
            QuantizedVolume(rng.integers(0, 2**16, (6, 5, 3), np.uint16), 0.5 * number, number),
            rng.random(SHAPE) > 0.5,
        )
        for number in range(1, 4)
    ]


def test_each_example_is_read_as_it_was_written(tmp_path, examples):
    write_examples(tmp_path / "pool.npz", iter(examples))
    assert count_examples(tmp_path / "pool.npz") == len(examples)
    for number in (2, 0, 1):
        projections, mask = read_example(tmp_path / "pool.npz", number)
        np.testing.assert_array_equal(projections.codes, examples[number][0].codes)
        np.testing.assert_array_equal(projections.values(), examples[number][0].values())
        np.testing.assert_array_equal(mask, examples[number][1])
        assert mask.dtype == bool


def test_the_same_examples_give_the_same_bytes(tmp_path, examples):
    for name in ("first", "second"):
        write_examples(tmp_path / name, iter(examples))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_pool_that_fails_leaves_no_file(tmp_path, examples):
    def failing():
        yield examples[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_examples(tmp_path / "pool.npz", failing())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_file_is_named(tmp_path, examples, keep):
    path = tmp_path / "pool.npz"
    write_examples(path, iter(examples))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=f"{path}: damaged"):
        count_examples(path)
