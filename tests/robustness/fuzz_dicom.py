"""Valid files, damaged at random: does the reader notice, or give a wrong volume?

`python tests/robustness/fuzz_dicom.py --cases 5000` takes the whole series of `scanners.py` and
files of other kinds, damages one file of each, reads it in a process of its own that may die, and
prints a table of what became of them. `--only N` tells of one case. Ends with 1 where the reader
failed.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "workflow/scripts")]

import dicom_cases  # noqa: E402
import nibabel as nib  # noqa: E402
import pydicom  # noqa: E402
import scanners  # noqa: E402
import SimpleITK  # noqa: E402
from angiovox.errors import InputError  # noqa: E402
from angiovox.geometry.affine import LPS_TO_RAS  # noqa: E402
from angiovox.io import patient_source  # noqa: E402
from angiovox.io.volume_files import ImageFile  # noqa: E402

WRITTEN = ROOT / "benchmarks" / "fuzz_dicom.md"
SAME, REFUSED = "same volume", "refused"
OWN = "other values where damaged"
ELSEWHERE = "lone file says another place"
FAILED = WRONG, CRASH, SLOW, MEMORY = "WRONG", "CRASH", "SLOW", "MEMORY"
OUTCOMES = (REFUSED, SAME, OWN, ELSEWHERE, *FAILED)
SLOW_S = 5.0  # of process time; a case takes 0.05
HANGS_S = 120.0  # on the clock
MEMORY_MB = 300  # beyond what a case held when it began; the volumes have 0.03
ADDRESSES = 8 << 30  # bytes that a process may map, so that no case takes the machine along
MOVED = 0.25  # of a voxel: a slice within the reader's tolerances moves no corner by more
CLASS_NAME = re.compile(r"\w(Error|Exception|Warning)\b")
UNFORESEEN = "nothing foresaw"
NAMED = "Case^Of"  # the patient of tests/support/scanners.py
NOTES = f"""\
- One file of each series is damaged, or the one file that holds it. Series are the whole ones of
  `tests/support/dicom_cases.py` (classic, multi-frame, every transfer syntax there, the kinds of
  `archives.py`); other files are NIfTI, NRRD and MetaImage.
- "{OWN}": the shape and place are right, and only slices of the damaged file differ: it holds
  other pixels, or another slope, and nothing else could know them.
- "{ELSEWHERE}": one file is the whole volume, and what it says of shape or place once for all
  slices was changed into something possible, which nothing can know either.
- {WRONG}: accepted otherwise. {CRASH}: anything but one sentence, or a process that died.
  {SLOW}: over {SLOW_S:g} s of a processor. {MEMORY}: over {MEMORY_MB} MB."""


# Damages: bytes to other bytes


def anywhere(data: bytearray, rng: np.random.Generator, end: int | None = None) -> None:
    for place in rng.integers(0, end or len(data), rng.integers(1, 9)):
        data[place] = rng.integers(256)


def in_header(data: bytearray, rng: np.random.Generator) -> None:
    anywhere(data, rng, header_end(data))


def cut_short(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(len(data)) :]


def zeroed(data: bytearray, rng: np.random.Generator) -> None:
    start, size = block(data, rng)
    data[start : start + size] = bytes(size)


def inserted(data: bytearray, rng: np.random.Generator) -> None:
    start, size = block(data, rng)
    data[start:start] = rng.bytes(size)


def removed(data: bytearray, rng: np.random.Generator) -> None:
    start, size = block(data, rng)
    del data[start : start + size]


def length_changed(data: bytearray, rng: np.random.Generator) -> None:
    """A length's bytes reversed, or others in their place."""
    fields = list(lengths(data)) or [(int(rng.integers(len(data) - 4)), 4)]
    start, size = fields[rng.integers(len(fields))]
    field = data[start : start + size]
    data[start : start + size] = field[::-1] if rng.integers(2) else rng.bytes(len(field))


DAMAGES: dict[str, Callable[[bytearray, np.random.Generator], None]] = {
    "bytes anywhere": anywhere,
    "bytes of the header": in_header,
    "cut short": cut_short,
    "a block zeroed": zeroed,
    "bytes inserted": inserted,
    "bytes removed": removed,
    "a length changed": length_changed,
}


def block(data: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    """Where one starts, half of them in the header, and its size: often even, as values are."""
    end = header_end(data) if rng.integers(2) else len(data)
    return int(rng.integers(end)), int(2 ** rng.integers(9) + rng.integers(2))


def header_end(data: bytes) -> int:
    """Where the pixels begin, of any kind of file."""
    if re.search(rb"^(NRRD|ObjectType)", data):
        return data.find(b"\n\n" if data.startswith(b"NRRD") else b"LOCAL\n") % len(data) + 1
    found = re.search(rb"\xe0\x7f\x10\x00|\x7f\xe0\x00\x10", data)
    return found.end() + 8 if found else min(400, len(data))


def lengths(data: bytes) -> Iterator[tuple[int, int]]:
    """Where a DICOM file's elements tell their lengths, and in how many bytes."""
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    for element in (*dataset.file_meta, *dataset.iterall()):
        if place := getattr(element, "file_tell", 0):
            short = data[place - 4 : place - 2].isalpha()
            yield (place - 2, 2) if short else (place - 4, 4)


# Valid input


def written_by(writer: str, name: str, shape=scanners.SHAPE) -> Callable[[Path], None]:
    """A file of another kind than DICOM, with the volume and place of the series."""

    def build(folder: Path) -> None:
        pixels = scanners.stored(shape).astype(np.int16)
        if writer == "nibabel":
            affine = np.diag([*scanners.SPACING[::-1], 1.0])
            nib.save(nib.Nifti1Image(pixels.T, affine), folder / name)
            return
        image = SimpleITK.GetImageFromArray(pixels)
        image.SetSpacing(scanners.SPACING[::-1])
        SimpleITK.WriteImage(image, str(folder / name), useCompression=writer == "compressed")

    build.__doc__ = name
    return build


FILES = {
    name: written_by(writer, name)
    for writer, name in [
        ("nibabel", "v.nii"), ("nibabel", "v.nii.gz"), ("plain", "v.nrrd"), ("plain", "v.mha"),
        ("compressed", "w.nrrd"), ("compressed", "w.mha"), ("plain", "v.mhd"), ("plain", "v.nhdr"),
    ]
}  # fmt: skip
SERIES = [case for case in dicom_cases.READ if case.build is not scanners.many_files]
CASES = [*SERIES, *(dicom_cases.Case(build) for build in FILES.values())]


class Valid:
    """A case, read as it was, and which planes of the volume each of its files holds."""

    def __init__(self, case: dicom_cases.Case, folder: Path):
        folder.mkdir()
        case.build(folder)
        self.name, self.folder, self.options = case.name, folder, case.read
        self.is_series = case.name not in FILES
        self.path = folder if self.is_series else folder / case.name
        found = patient_source.find(self.path, **self.options)
        self.volume, self.affine = found.read()
        if isinstance(found, ImageFile):
            self.planes = dict.fromkeys((p for p in folder.iterdir()), (0, slice(None)))
        else:
            self.planes = planes_of(found.stack, self.affine, self.volume.shape)

    @property
    def files(self) -> list[Path]:
        return sorted(self.planes)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        return patient_source.find(self.path, **self.options).read()


def planes_of(stack, affine: np.ndarray, shape: tuple[int, ...]) -> dict[Path, tuple[int, slice]]:
    """The axis of slices in the volume, and which of them a file changes: its own, and those that
    are interpolated from it."""
    levels = np.array([*stack.levels])
    corner = np.linalg.inv(affine) @ LPS_TO_RAS @ stack.affine
    axis = int(np.abs(corner[:3, 2]).argmax())
    places: dict[Path, list[int]] = {}
    for number, frame in enumerate(stack.frames):
        before = levels[number - 1] + 1 if number else 0
        after = levels[number + 1] if number + 1 < len(levels) else levels[-1] + 1
        places.setdefault(frame.image.path, []).extend(range(before, after))
    upwards = corner[axis, 2] > 0
    of = {
        path: np.array(k) if upwards else shape[axis] - 1 - np.array(k)
        for path, k in places.items()
    }
    return {path: (axis, slice(k.min(), k.max() + 1)) for path, k in of.items()}


# Outcomes


@dataclass(frozen=True)
class Outcome:
    """What became of a case; `seconds` and `megabytes` that it took, `printed` past Python."""

    number: int
    case: str
    damage: str
    what: str
    message: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0
    printed: str = ""

    @property
    def is_series(self) -> bool:
        return self.case not in FILES


def classify(valid: Valid, path: Path, read: Callable[[], tuple]) -> tuple[str, str]:
    """What a damaged case is to be called, and why: `path` is the file, `read` reads the case."""
    try:
        volume, affine = read()
    except InputError as error:
        return of_sentence(str(error))
    except Exception as error:
        return CRASH, f"{type(error).__name__}: {error}"
    return of_volume(valid, path, volume, affine)


def of_sentence(text: str) -> tuple[str, str]:
    if "more memory" in text or "do not fit in the memory" in text:
        return MEMORY, text
    if CLASS_NAME.search(text) or UNFORESEEN in text:
        return CRASH, text
    if len(text.splitlines()) != 1 or not text.isprintable() or len(text) > 1000 or NAMED in text:
        return CRASH, f"no sentence: {text!r}"
    return REFUSED, text


def of_volume(valid: Valid, path: Path, volume: np.ndarray, affine: np.ndarray) -> tuple[str, str]:
    alone = len(valid.files) == 1 or not valid.is_series
    apart = ELSEWHERE if alone else WRONG
    if volume.dtype != np.float32 or not np.isfinite(volume).all() or not np.isfinite(affine).all():
        return WRONG, "no numbers"
    if volume.shape != valid.volume.shape:
        return apart, f"{volume.shape} voxels for {valid.volume.shape}"
    if moved(valid.volume.shape, valid.affine, affine) > MOVED:
        return apart, "in another place"
    differs = volume != valid.volume
    if not differs.any():
        return SAME, ""
    axis, own = valid.planes[path]
    outside = valid.volume == valid.volume.min()  # what lies out of the field of view follows
    np.moveaxis(differs, axis, 0)[own] = False
    if (differs & ~outside).any():
        return WRONG, "other slices differ"
    return OWN, ""


def moved(shape: tuple[int, ...], before: np.ndarray, after: np.ndarray) -> float:
    """The most that a corner moved, in voxels."""
    corners = np.indices((2, 2, 2)).reshape(3, -1) * np.subtract(shape, 1)[:, None]
    corners = np.vstack([corners, np.ones(8)])
    return float(np.abs((np.linalg.inv(before) @ after @ corners - corners)[:3]).max())


# A case in a process that may die


def case_of(seed: int, number: int) -> tuple[dicom_cases.Case, str, np.random.Generator]:
    """The series, the damage and the chance of a number; each series meets every damage."""
    case = CASES[number % len(CASES)]
    damage = list(DAMAGES)[number // len(CASES) % len(DAMAGES)]
    return case, damage, np.random.default_rng([seed, number])


def try_case(valid: Valid, damage: str, rng: np.random.Generator) -> tuple[str, str]:
    """Damage one file, read, and put the file back."""
    path = valid.files[rng.integers(len(valid.files))]
    whole = path.read_bytes()
    data = bytearray(whole)
    DAMAGES[damage](data, rng)
    path.write_bytes(data)
    try:
        return classify(valid, path, valid.read)
    finally:
        path.write_bytes(whole)


def work(pipe, seed: int, numbers: list[int], folder: Path) -> None:
    """Try cases and send an Outcome for each; what C prints goes to a file."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder.mkdir()
    terminal = os.open(folder / "printed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(terminal, stream)
    built: dict[str, Valid] = {}
    for number in numbers:
        case, damage, rng = case_of(seed, number)
        if case.name not in built:
            built[case.name] = Valid(case, folder / str(len(built)))
        os.ftruncate(terminal, 0)
        before = held_mb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak
        began = time.process_time()
        what, message = try_case(built[case.name], damage, rng)
        seconds, megabytes = time.process_time() - began, held_mb("VmHWM") - before
        if seconds > SLOW_S:
            what = SLOW
        elif megabytes > MEMORY_MB:
            what = MEMORY
        printed = (folder / "printed").read_text(errors="replace")
        pipe.send(Outcome(number, case.name, damage, what, message, seconds, megabytes, printed))


def held_mb(kind: str) -> float:
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{kind}:\s*(\d+) kB", text)[1]) / 1e3


def tried(seed: int, numbers: list[int], folder: Path) -> Iterator[Outcome]:
    """Outcomes of cases; one with which the process dies or hangs fails, and another goes on."""
    numbers = list(numbers)
    context = multiprocessing.get_context("fork")
    while numbers:
        ours, theirs = context.Pipe(duplex=False)
        place = Path(tempfile.mkdtemp(dir=folder)) / "work"
        process = context.Process(target=work, args=(theirs, seed, numbers, place))
        process.start()
        theirs.close()
        try:
            while numbers and ours.poll(HANGS_S):
                yield ours.recv()
                numbers = numbers[1:]
            died = SLOW
        except EOFError:
            died = CRASH
        if numbers and died == SLOW:
            process.kill()
        process.join()
        if numbers:
            case, damage, _ = case_of(seed, numbers[0])
            why = "hangs" if died == SLOW else f"the process ended with {process.exitcode}"
            yield Outcome(numbers[0], case.name, damage, died, why)
            numbers = numbers[1:]
        shutil.rmtree(place.parent)


def fuzz(seed: int, numbers: range) -> Iterator[Outcome]:
    """Outcomes of cases, in order, from one process at a time."""
    with tempfile.TemporaryDirectory() as folder:
        yield from tried(seed, list(numbers), Path(folder))


# Words


def table(outcomes: list[Outcome]) -> str:
    """How many, by damage and outcome, in Markdown."""
    rows = pd.DataFrame([(one.damage, one.what) for one in outcomes], columns=["damage", "what"])
    counts = pd.crosstab(rows["damage"], rows["what"])
    counts = counts.reindex(index=list(DAMAGES), columns=list(OUTCOMES), fill_value=0)
    counts.loc["all"] = counts.sum()
    counts["all"] = counts.sum(axis=1)
    return counts.rename_axis(None, axis=1).reset_index().to_markdown(index=False)


def report(outcomes: list[Outcome], seed: int) -> str:
    series = [one for one in outcomes if one.is_series]
    files = [one for one in outcomes if not one.is_series]
    slowest = max(outcomes, key=lambda one: one.seconds)
    largest = max(outcomes, key=lambda one: one.megabytes)
    parts = [
        f"{len(outcomes)} damaged cases, seed {seed}: {len(series)} DICOM series and {len(files)} "
        f"other files, {sum(one.what in FAILED for one in outcomes)} failures. The slowest took "
        f"{slowest.seconds:.2f} s of a processor, the largest {largest.megabytes:.0f} MB; in "
        f"{sum(bool(one.printed) for one in outcomes)} a decoder printed something of its own.",
    ]
    parts += [f"DICOM series:\n\n{table(series)}"] if series else []
    parts += [f"Other files:\n\n{table(files)}"] if files else []
    return "\n\n".join([*parts, NOTES]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="number of the one case to try")
    parser.add_argument("--write", action="store_true", help=f"also into {WRITTEN.name}")
    options = parser.parse_args()
    only = options.only
    numbers = range(options.cases) if only is None else range(only, only + 1)
    outcomes = []
    for one in fuzz(options.seed, numbers):
        outcomes.append(one)
        if one.what in FAILED or one.printed or only is not None:
            print(one, file=sys.stderr)
    text = report(outcomes, options.seed)
    print(text)
    if options.write:
        WRITTEN.write_text(text)
    sys.exit(any(one.what in FAILED for one in outcomes))


if __name__ == "__main__":
    main()
