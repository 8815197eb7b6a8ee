"""`chalice deploy`, as `make deploy` runs it."""

import os
import sys
from pathlib import Path

import boto3
import pytest

from deploy.steps import application


def test_chalice_is_killed_if_it_ignores_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chalice = tmp_path / "chalice"
    chalice.write_text("#!/bin/sh\necho $$\nexec sleep 600\n")
    chalice.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    printed = []

    def interrupted(line: str, **_: object) -> None:
        printed.append(line)
        raise KeyboardInterrupt

    monkeypatch.setattr(application, "print", interrupted, raising=False)

    with pytest.raises(KeyboardInterrupt):
        application.delete(boto3.Session(region_name="eu-west-1"), "dev", root=tmp_path)

    with pytest.raises(ProcessLookupError):
        os.kill(int(printed[0]), 0)
