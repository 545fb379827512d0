"""Which models and reconstructions a config asks for, and what each of them is given."""

import pytest
from angiovox.errors import InputError
from angiovox_pipeline import runs, study_methods

COUNTS = [10, 2, 5]
TRAIN, CALIBRATION, TEST = ["a", "b"], ["d"], ["c"]
CONSISTENT = {"method": "unet", "starts_from": "unet", "refinement_steps": 1}


def methods(counts=COUNTS, **given):
    return study_methods.methods({"view_counts": counts, "methods": {"dae": {}} | given})


def study(seeds=(1, 2), kept=("sum", "min"), calibration=CALIBRATION, **given):
    return runs.Runs(methods(**given), seeds, TRAIN, calibration, TEST, kept)


def refusal(**given):
    with pytest.raises(InputError) as refused:
        methods(**given)
    return str(refused.value)


# What the config may say


def test_a_method_runs_at_all_view_counts_unless_it_names_its_own():
    chosen = methods(hull=None, unet={"view_counts": [2, 5]})
    assert chosen["hull"].view_counts == [10, 5, 2]
    assert chosen["unet"].view_counts == [5, 2]


def test_false_leaves_a_method_out_and_true_sets_nothing():
    assert list(methods(hull=False, unet=True)) == ["dae", "unet"]
    assert methods(unet=True)["unet"].settings == {}


def test_settings_are_what_is_left_beside_the_view_counts():
    assert methods(unet={"view_counts": [2], "epochs": 3})["unet"].settings == {"epochs": 3}


def test_an_entry_may_be_a_variant_of_a_method():
    chosen = methods(unet=None, consistent=CONSISTENT, soft={"method": "hull", "title": "Soft"})
    assert chosen["consistent"].title == f"{chosen['unet'].title} (consistent)"
    assert chosen["soft"].title == "Soft"
    assert chosen["soft"].settings == {"method": "hull"}  # a new title is no new fit
    assert chosen["soft"].needs == methods(hull=None)["hull"].needs


@pytest.mark.parametrize("title", ["", 3, ["a"]])
def test_a_title_that_is_no_text_is_refused(title):
    assert refusal(hull={"title": title}).startswith(f"methods.hull.title: {title!r}")


def test_titles_tell_entries_apart():
    message = refusal(hull={"title": "Same"}, unet={"title": "Same"})
    assert message == "methods.unet.title: 'Same' is the title of hull too"


@pytest.mark.parametrize("base", ["consistent", "hull", "dae"])
def test_a_model_is_taken_over_from_a_trained_entry_of_the_same_method_only(base):
    message = refusal(hull=None, unet=None, consistent=CONSISTENT | {"starts_from": base})
    assert message.startswith(f"methods.consistent.starts_from: {base!r} is not valid")


def test_a_setting_of_a_training_that_is_not_done_is_refused():
    message = refusal(unet=None, consistent=CONSISTENT | {"epochs": 3})
    assert message == "methods.consistent.epochs: has no effect beside starts_from"


def test_a_variant_of_nothing_is_refused():
    assert refusal(own={"method": "dua"}).startswith("methods.own.method: unknown method 'dua'")


@pytest.mark.parametrize("own", [[], [3], [2, 2], 2, "all", [2.0], [True], None])
def test_view_counts_that_the_study_has_not_are_refused(own):
    message = refusal(hull={"view_counts": own})
    assert message.startswith(f"methods.hull.view_counts: {own!r} is not valid")
    assert message.endswith("10, 5, 2")


# How many views a method reconstructs from


def test_a_single_view_is_for_methods_that_mean_it():
    chosen = methods(counts=[10, 2, 1], hull=None, henzler={})
    assert chosen["hull"].view_counts == chosen["dae"].view_counts == [10, 2]
    assert chosen["henzler"].view_counts == [2, 1]
    assert methods(counts=[10, 2, 1], henzler={"view_counts": [1]})["henzler"].view_counts == [1]


@pytest.mark.parametrize(
    ("name", "own", "words"),
    [
        ("hull", [10, 1], "1 is not valid; the method reconstructs from 2 or more views"),
        ("x2ct_gan", [2, 1], "1 is not valid; the method reconstructs from 2 views"),
        ("henzler", [10], "10 is not valid; the method reconstructs from 1 to 2 views"),
    ],
)
def test_views_too_few_or_too_many_for_a_method_are_refused(name, own, words):
    given = {"henzler": {}} | {name: {"view_counts": own}}
    message = refusal(counts=[10, 2, 1], **given)
    assert message == f"methods.{name}.view_counts: {words}"


def test_a_study_without_the_views_of_a_method_is_refused():
    message = refusal(counts=[10, 5], x2ct_gan={})
    assert message.startswith("methods.x2ct_gan: reconstructs from 2 views")
    assert message.endswith("view_counts: 10, 5")


def test_a_single_view_that_no_method_reconstructs_from_is_refused():
    assert refusal(counts=[2, 1], hull=None).startswith("view_counts: 1: no method")


@pytest.mark.parametrize("dae", [False, {"view_counts": [2]}])
def test_the_papers_network_takes_part_in_all_of_them(dae):
    assert "methods.dae: Table 1" in refusal(dae=dae)


def test_a_setting_of_a_method_that_is_used_is_checked_and_of_none_else():
    assert "methods.unet.epochs: 0" in refusal(unet={"epochs": 0})
    assert "'dua'" in refusal(dua=None)


# What follows from it


def test_each_method_view_count_and_seed_has_its_run():
    paths = study(hull=None, unet={"view_counts": [2]}).each("{method}/{views}/{seed}")
    trained = [f"dae/{views}/{seed}" for views in (10, 5, 2) for seed in (1, 2)]
    assert paths == [*trained, "hull/10/1", "hull/5/1", "hull/2/1", "unet/2/1", "unet/2/2"]


def test_runs_at_a_view_count_are_those_of_all_that_are_of_that_count():
    whole = study(
        hull=None,
        unet={"view_counts": [2]},
        soft_hull={"method": "hull", "soft": True, "view_counts": [5]},
    )
    pattern = "{method}/{views}/{seed}"
    assert list(whole.at(2).methods) == ["dae", "hull", "unet"]
    for views in COUNTS:
        expected = [path for path in whole.each(pattern) if path.split("/")[1] == str(views)]
        assert whole.at(views).each(pattern) == expected


def test_some_methods_alone_keep_the_order_and_the_runs_of_all():
    whole = study(hull=None, unet=None)
    pattern = "{method}/{views}/{seed}"
    assert whole.only(None) == whole
    some = whole.only(["unet", "dae"])
    assert list(some.methods) == ["dae", "unet"]
    assert some.each(pattern) == [path for path in whole.each(pattern) if "hull" not in path]


def test_a_variant_is_of_the_family_of_its_method():
    labels = study(hull=None, unet=None, soft={"method": "hull", "title": "Soft"}).labels
    assert labels["soft"] == {"title": "Soft", "family": labels["hull"]["family"]}
    assert labels["unet"]["family"] != labels["hull"]["family"]


def test_a_shared_model_is_fitted_once_for_all_its_view_counts():
    chosen = study(hull=None, unet={"view_counts": [5, 2]})
    trained = chosen.each_trained("{method}/{views}/{seed}")
    assert trained[-2:] == ["unet/all/1", "unet/all/2"]
    assert not any("hull" in path for path in trained)
    models = {chosen.reconstruct_inputs("unet", views, "1", TEST)["model"] for views in ("5", "2")}
    assert models == {"results/models/unet/views-all/seed-1/model.pt"}
    assert "views-5" in chosen.reconstruct_inputs("dae", "5", "1", TEST)["model"]


def test_a_shared_model_sees_each_training_patient_once_per_view_count():
    chosen = study(unet={"view_counts": [5, 2]})
    inputs = chosen.fit_inputs("unet", "all", "1")
    assert chosen.examples("unet", "all", TRAIN) == [5, 5, 2, 2]
    for kind in ("sum", "min"):
        assert inputs[kind] == [
            f"results/backprojections/views-{views}/{patient}.{kind}.nii"
            for views in (5, 2)
            for patient in TRAIN
        ]
    assert inputs["masks"] == 2 * [f"results/masks/{patient}.nii.gz" for patient in TRAIN]


def test_a_model_is_calibrated_on_patients_that_nothing_else_is_given():
    chosen = study(unet={"view_counts": [5, 2]})
    inputs = chosen.calibration_inputs("unet", "all", "1")
    assert inputs["model"] == chosen.reconstruct_inputs("unet", "2", "1", TEST)["model"]
    assert inputs["masks"] == 2 * ["results/masks/d.nii.gz"]
    assert [path for kind in ("sum", "min") for path in inputs[kind]] == [
        f"results/backprojections/views-{views}/d.{kind}.nii"
        for kind in ("sum", "min")
        for views in (5, 2)
    ]
    for given in (
        chosen.fit_inputs("unet", "all", "1"),
        chosen.reconstruct_inputs("unet", "2", "1", TEST),
    ):
        assert not any("/d." in path for kind in given for path in given[kind])


def test_without_patients_held_back_nothing_is_calibrated():
    calibrated = study().reconstruct_inputs("dae", "2", "1", TEST)["calibration"]
    assert calibrated == "results/models/dae/views-2/seed-1/calibration.json"
    assert study(calibration=[]).reconstruct_inputs("dae", "2", "1", TEST)["calibration"] == []


def test_what_gives_no_probabilities_is_not_calibrated():
    soft = {"method": "hull", "title": "Soft", "soft": True}
    assert study(hull=None, soft_hull=soft).calibrated == ["dae", "soft_hull"]


def test_a_method_starts_from_its_bases_model_of_the_same_seed():
    chosen = study(unet=None, consistent=CONSISTENT)
    base = {chosen.fit_inputs("consistent", "all", seed)["base"] for seed in "12"}
    assert base == {f"results/models/unet/views-all/seed-{seed}/model.pt" for seed in "12"}
    assert "consistent" in chosen.learned and "consistent" not in chosen.trained
    assert chosen.seeds_of("consistent") == [1, 2]


def test_a_fit_is_given_no_more_than_it_looks_at():
    given = study(unet=None, consistent=CONSISTENT).fit_inputs("consistent", "all", "1")
    assert set(given) == {"projections", "masks", "base"}
    applied = study(unet=None, consistent=CONSISTENT).reconstruct_inputs(
        "consistent", "5", "1", TEST
    )
    assert {"projections", "sum", "min"} <= set(applied)


@pytest.mark.parametrize("unet", [False, {"view_counts": [10, 5]}])
def test_a_method_whose_base_does_not_have_its_view_counts_is_refused(unet):
    message = refusal(unet=unet, consistent=CONSISTENT | {"view_counts": [5, 2]})
    assert message.startswith("methods.consistent: starts from the model of unet")
    assert "2 views" in message


def test_what_is_not_kept_comes_from_the_projections():
    inputs = study(kept=("sum",), unet=None).fit_inputs("unet", "5", "1")
    projections = [f"results/projections/{patient}.nii" for patient in TRAIN]
    assert inputs["min"] == projections
    assert "views-5" in inputs["sum"][0]


@pytest.mark.parametrize("method", ["dae", "hull", "unet", "consistent"])
def test_no_model_is_given_a_test_patient_and_no_reconstruction_a_mask(method):
    """The split is sealed by what the jobs are given."""
    chosen = study(hull=None, unet=None, consistent=CONSISTENT)
    for views in map(str, chosen.methods[method].models):
        given = chosen.fit_inputs(method, views, "1")
        paths = [path for kind in given if kind != "base" for path in given[kind]]
        assert not [path for path in paths if "/c." in path]
    given = chosen.reconstruct_inputs(method, "2", "1", TEST)
    paths = [path for kind in given if kind in ("grids", *runs.KINDS) for path in given[kind]]
    assert not any("mask" in str(given[kind]) for kind in given)
    assert paths and not [path for path in paths if "mask" in path or "/c." not in path]
