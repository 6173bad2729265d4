"""Opening the program must not wait for what only a restore needs."""

from __future__ import annotations

import subprocess
import sys


def test_the_heavy_libraries_are_imported_only_when_used() -> None:
    program = (
        "import sys, recovery.backups.s3_store, recovery.backups.node_store,"
        " recovery.backups.credentials, recovery.backups.reference\n"
        "print(sorted({'boto3', 'botocore', 'asyncssh', 'urllib3'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"
