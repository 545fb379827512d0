"""config/field.yaml: systems of the field beside the default study's methods, and nothing else."""

import pytest
import yaml
from angiovox.errors import InputError
from angiovox.methods import registry
from angiovox_pipeline import config as study
from angiovox_pipeline import study_methods
from conftest import ROOT
from plans import merged

DEFAULT, FIELD, DSA, FIELD_DSA = (
    yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    for name in ("config", "field", "dsa", "field_dsa")
)


def test_it_is_valid_and_adds_methods_and_a_single_view_only():
    study.check_config(merged(DEFAULT, FIELD))
    assert {*FIELD} == {"methods", "view_counts"}
    assert FIELD["view_counts"] == [*DEFAULT["view_counts"], 1]
    assert not {*FIELD["methods"]} & {*DEFAULT["methods"]}


@pytest.mark.parametrize("entry", FIELD["methods"])
def test_each_entry_is_at_two_views_and_smaller_than_its_original(entry):
    method = study_methods.methods(merged(DEFAULT, FIELD))[entry]
    made = registry.create(entry, method.settings)
    assert 2 in method.view_counts
    assert made.settings != type(made.settings)()
    assert getattr(made.settings, "epochs", 0) <= type(made.settings)().epochs


def test_line_integrals_are_refused_where_a_method_compares_maxima():
    study.check_config(merged(DEFAULT, DSA))
    for options in ({"projection_weight": 0.1}, {"input_channels": "both"}):
        with pytest.raises(InputError, match="dae: works with maxima of a parallel beam"):
            study.check_config(merged(merged(DEFAULT, DSA), {"methods": {"dae": options}}))
    own = {"methods": {"self_supervised": {"view_counts": [2]}}}
    with pytest.raises(InputError, match="self_supervised: works with maxima of a parallel beam"):
        study.check_config(merged(merged(DEFAULT, DSA), own))


def test_line_integrals_have_the_same_systems_but_one():
    config = merged(merged(merged(DEFAULT, DSA), FIELD), FIELD_DSA)
    study.check_config(config)
    chosen = study_methods.methods(config)
    field = study_methods.methods(merged(DEFAULT, FIELD))
    assert {*field} - {*chosen} == {"self_supervised"} and {*chosen} - {*field} == {"sirt"}
    assert config["view_counts"] == [*DSA["view_counts"], 1]
    assert not any("maxima" in chosen[entry].title for entry in chosen)
