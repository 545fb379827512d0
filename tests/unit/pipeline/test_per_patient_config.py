"""config/per_patient.yaml: methods fitted to each patient, beside the default study's methods."""

import pytest
import yaml
from angiovox.methods import registry
from angiovox_pipeline import config as study
from angiovox_pipeline import study_methods
from conftest import ROOT
from plans import merged

DEFAULT, PER_PATIENT, DSA, PER_PATIENT_DSA = (
    yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    for name in ("config", "per_patient", "dsa", "per_patient_dsa")
)
ON_INTEGRALS = merged(merged(merged(DEFAULT, DSA), PER_PATIENT), PER_PATIENT_DSA)


def test_it_adds_methods_and_changes_none():
    study.check_config(merged(DEFAULT, PER_PATIENT))
    assert {*PER_PATIENT} == {"methods"}
    assert not {*PER_PATIENT["methods"]} & {*DEFAULT["methods"]}


@pytest.mark.parametrize("entry", PER_PATIENT["methods"])
def test_each_entry_has_a_job_for_each_patient_and_is_no_longer_than_its_original(entry):
    method = study_methods.methods(merged(DEFAULT, PER_PATIENT))[entry]
    made = registry.create(entry, method.settings)
    assert made.needs.one_job_per_patient and {2, 10} <= {*method.view_counts}
    if hasattr(made.settings, "steps"):
        assert made.settings.steps < type(made.settings)().steps


def test_line_integrals_have_the_same_methods():
    study.check_config(ON_INTEGRALS)
    chosen = study_methods.methods(ON_INTEGRALS)
    assert {*PER_PATIENT["methods"]} <= {*chosen}
    assert not any("maxima" in chosen[entry].title for entry in PER_PATIENT["methods"])


@pytest.mark.parametrize("entry", PER_PATIENT_DSA["methods"])
def test_a_title_says_where_line_integrals_are_replaced_by_maxima(entry):
    on_maxima = study_methods.methods(merged(DEFAULT, PER_PATIENT))[entry]
    on_integrals = study_methods.methods(ON_INTEGRALS)[entry]
    assert on_maxima.title == f"{on_integrals.title}, fed maxima"
