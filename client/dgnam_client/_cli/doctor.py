"""`dgnam doctor`."""

from __future__ import annotations

from .._client import Client
from .._doctor import examine
from .parser import Arguments
from .printing import DONE, FAILED


def run(client: Client, arguments: Arguments) -> int:
    """Print what each check finds."""
    sound = True
    for finding in examine(client, arguments.timeout):
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:<10}{finding.text}", flush=True)
        sound = sound and finding.ok
    return DONE if sound else FAILED
