"""The command `angiovox` and what its arguments mean."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from angiovox.errors import InputError

DESCRIPTION = """\
angiovox reconstructs cerebral arteries in 3D from two or more subtracted angiograms
(DSA runs, XA DICOM as from the archive) that show them from different directions.

  angiovox inventory FOLDER
      lists the runs below a folder: which ones go together?
  angiovox reconstruct RUN_A RUN_B --out RESULT
      reconstructs; then open RESULT/report.html in a browser
"""
EPILOG = "For research, not for diagnosis. `angiovox COMMAND --help` explains each command."
INTERRUPTED = 130  # exit status, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status, with one sentence where the input is at fault."""
    program = parser()
    given, others = program.parse_known_args(arguments)
    if others and given.run is not _reproduce:
        program.error(f"unrecognized arguments: {' '.join(others)}")
    given.snakemake = others
    try:
        return given.run(given)
    except InputError as error:
        print(f"angiovox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nangiovox: stopped; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        "angiovox",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"angiovox {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_reconstruct(commands)
    _add_inventory(commands)
    _add_reproduce(commands)
    return parser


def version() -> str:
    """Of the installed package; of a clone that is not installed there is none."""
    try:
        return metadata.version("angiovox")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _add_reconstruct(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "reconstruct",
        help="arteries in 3D from two or more runs of one patient",
        description="Reconstruct the arteries that two or more runs of one patient show. Nothing "
        "leaves this computer, and files name nobody unless --identify is given. A run that was "
        "interrupted is resumed by the same command.",
    )
    command.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run: an XA DICOM file, or the folder of a run whose frames are single files; "
        "at least two, from directions 20 degrees or more apart",
    )
    command.add_argument("--out", required=True, metavar="FOLDER", help="where results go")
    command.add_argument(
        "--voxel-mm",
        type=float,
        default=0.5,
        metavar="MM",
        help="edge of a voxel (default: %(default)s)",
    )
    command.add_argument(
        "--no-calibration",
        action="store_true",
        help="trust the angles and distances of the files as they are",
    )
    command.add_argument(
        "--identify",
        action="store_true",
        help="DICOM results name the patient as the runs do, so that an archive files them there",
    )
    _add_cores(command)
    command.add_argument(
        "-n",
        "--dry-run",
        action="store_true",
        help="check the arguments and say what would be done",
    )
    command.set_defaults(run=_reconstruct)


def _add_inventory(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "inventory",
        help="what a folder holds: runs, volumes, and what can be used",
        description="List the runs of angiography and the volumes below a folder, from headers "
        "alone: directions, frames, and why what cannot be read is refused. Nothing is written.",
    )
    command.add_argument("folder", metavar="FOLDER", help="a folder, or one file")
    command.set_defaults(run=_inventory)


def _add_reproduce(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "reproduce",
        help="the study of Wu et al. 2023 on phantoms: all tables and figures",
        description="Make every table and figure of the study of Wu et al. 2023 on phantoms, and "
        "results/report.html. Arguments that are not listed here go to Snakemake, which then makes "
        "what they ask for.",
        allow_abbrev=False,
        usage="angiovox reproduce [-h] [--out FOLDER] [--cores N] [ARGUMENT OF SNAKEMAKE ...]",
    )
    command.add_argument(
        "--out", default=".", metavar="FOLDER", help="where results go (default: this folder)"
    )
    _add_cores(command)
    command.set_defaults(run=_reproduce)


def _add_cores(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cores",
        type=_whole,
        default=_cores(),
        metavar="N",
        help="processor cores to use (default: all, %(default)s)",
    )


def _cores() -> int:
    """Those that this process may use, where the system says."""
    has_affinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_whole.__name__ = "number above 0"  # argparse names it in its message


def _reconstruct(given: argparse.Namespace) -> int:
    from .reconstruct import reconstruct
    from .study_folder import Request

    request = Request(
        runs=tuple(given.runs),
        out=given.out,
        voxel_mm=given.voxel_mm,
        calibrate=not given.no_calibration,
        identify=given.identify,
    )
    return reconstruct(request, given.cores, given.dry_run)


def _inventory(given: argparse.Namespace) -> int:
    from .inventory import describe

    print(describe(given.folder))
    return 0


def _reproduce(given: argparse.Namespace) -> int:
    from .reproduce import reproduce

    return reproduce(given.out, given.cores, given.snakemake)
