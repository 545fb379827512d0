"""config/future_work.yaml: the default study's network, one option at a time, and all of them."""

import yaml
from angiovox.methods import registry
from angiovox_pipeline import config as study
from angiovox_pipeline import study_methods
from conftest import ROOT
from plans import merged

DEFAULT, FUTURE = (
    yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in ("config", "future_work")
)
OPTIONS = ("input_channels", "augment", "projection_weight", "geometry_weight")


def settings():
    """Settings of the paper's network and of its variants, by entry."""
    chosen = study_methods.methods(merged(DEFAULT, FUTURE))
    made = {name: registry.create(name, method.settings) for name, method in chosen.items()}
    return {name: method.settings for name, method in made.items() if method.name == "dae"}


def changed(name):
    """Which settings of an entry differ from the default study's."""
    of = settings()
    return {key for key in vars(of["dae"]) if getattr(of[name], key) != getattr(of["dae"], key)}


def test_it_is_valid_on_the_default_studys_patients():
    study.check_config(merged(DEFAULT, FUTURE))
    assert {*FUTURE} == {"view_counts", "methods"}
    assert FUTURE["view_counts"] == [10, 5, 2]


def test_each_option_has_an_entry_that_differs_by_it_alone():
    single = [changed(name) for name in settings() if name not in ("dae", "dae_all")]
    assert {*map(frozenset, single)} == {frozenset([key]) for key in OPTIONS}
    assert changed("dae_all") == {*OPTIONS}


def test_all_has_the_values_of_the_single_entries():
    of = settings()
    singles = [value for name, value in of.items() if name not in ("dae", "dae_all")]
    for key in OPTIONS:
        assert getattr(of["dae_all"], key) in {getattr(single, key) for single in singles}
