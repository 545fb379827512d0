"""Write reconstructions of a finished study as a BIDS derivative dataset.

python tools/export_bids.py OUT [--results results] [--methods unet hull] [--views 2 3]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))
from angiovox.errors import InputError
from angiovox.io.dicom.derived import VERSION
from angiovox.io.table_files import read_table
from angiovox.reporting import bids, finished_study
from angiovox_pipeline.study_methods import Method, methods

RECONSTRUCTIONS = "reconstructions/{method}/views-{views}/seed-{seed}"
CALIBRATION = "models/{method}/views-{model}/seed-{seed}/calibration.json"


def reconstructions(
    results: Path,
    chosen: dict[str, Method],
    views: list[int] | None,
    seed: int,
    patients: list[str],
) -> Iterator[bids.Reconstruction]:
    """Yield the reconstructions of a study's results: of some view counts, of one training seed.

    views : None for the fewest that each method has.
    """
    for name, method in chosen.items():
        wanted = method.view_counts[-1:] if views is None else views
        for count in sorted({*wanted} & {*method.view_counts}):
            folder = results / RECONSTRUCTIONS.format(method=name, views=count, seed=seed)
            model = method.models[0] if method.needs.shared_across_views else count
            scaling = results / CALIBRATION.format(method=name, model=model, seed=seed)
            for patient in patients:
                yield bids.Reconstruction(
                    path=folder / f"{patient}.nii.gz",
                    patient=patient,
                    method=name,
                    title=method.title,
                    views=count,
                    seed=seed,
                    gives_probabilities=method.needs.gives_probabilities,
                    is_calibrated=scaling.is_file(),
                )


def choose(given: dict[str, Method], wanted: list[str] | None) -> dict[str, Method]:
    """The methods that are wanted; None for all.

    Raises InputError for one that the study does not have.
    """
    unknown = sorted({*(wanted or ())} - {*given})
    if unknown:
        raise InputError(f"--methods: {', '.join(unknown)}: not of this study: {', '.join(given)}")
    return {name: method for name, method in given.items() if wanted is None or name in wanted}


def export(arguments: argparse.Namespace) -> list[Path]:
    """Write the dataset. Returns its files."""
    record = finished_study.read_record(arguments.results)
    config, seed = record["config"], record["config"]["seeds"][0]
    chosen = choose(methods(config), arguments.methods)
    measured = read_table(arguments.results / "tables/per_patient.csv")
    patients = sorted(set(measured["patient"]))
    found = [*reconstructions(arguments.results, chosen, arguments.views, seed, patients)]
    masks = {name: arguments.results / f"masks/{name}.nii.gz" for name in patients}
    if not found:
        raise InputError(f"--views: none of these methods has {arguments.views} views")
    commit = finished_study.commit(record)
    about = {"Description": f"git commit {commit}"} if commit else {}
    generated_by = {"Name": "angiovox", "Version": VERSION} | about
    phantoms = record["seeds"]["phantoms"]
    return bids.write_dataset(arguments.out, found, masks, phantoms, generated_by)


def main(options: list[str] | None = None) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--results", type=Path, default=Path("results"), help="of the study")
    parser.add_argument("--methods", nargs="+", help="config entries; all where not given")
    parser.add_argument("--views", nargs="+", type=int, help="view counts; else each one's fewest")
    arguments = parser.parse_args(options)
    try:
        written = export(arguments)
    except (InputError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.out}: {len(written)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
