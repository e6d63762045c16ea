"""Uploads under way."""

import tracemalloc

from jobs_server.upload import UploadRoom
from qserver.settings import LimitSettings

PIECES = 50_000


def test_an_upload_takes_no_more_memory_than_its_bytes_however_small_its_pieces() -> None:
    room = UploadRoom(LimitSettings())
    tracemalloc.start()

    with room.upload() as upload:
        for number in range(PIECES):
            upload.add(b"%02d" % (number % 100))
            upload.add(b"")
        held_bytes, _ = tracemalloc.get_traced_memory()
        source = upload.source()

    tracemalloc.stop()
    assert len(source) == 2 * PIECES
    assert held_bytes < 2 * len(source)
