"""What a program writes, piece by piece."""

import os
import socket
import subprocess
from pathlib import Path
from threading import Thread


def written_pieces(command: list, folder: Path | None = None) -> list[bytes]:
    """Each write to standard error of a program whose Python does not buffer, as in containers."""
    pieces = []
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps pieces apart
    reader = Thread(target=lambda: pieces.extend(iter(lambda: ours.recv(1_000_000), b"")))
    with ours, theirs:
        reader.start()
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        subprocess.run(
            command, env=environment, cwd=folder, stderr=theirs, stdout=subprocess.DEVNULL
        )
        theirs.close()
        reader.join()
    return pieces
