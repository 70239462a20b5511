import atexit
import os
import shutil
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread a worker: pytest-xdist runs one worker a core
os.environ["REVERIE_CACHE"] = tempfile.mkdtemp(prefix="reverie-tests-")  # never the user's own
atexit.register(shutil.rmtree, os.environ["REVERIE_CACHE"], ignore_errors=True)

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real sets that `REVERIE_DATA` names."""
    where = os.environ.get("REVERIE_DATA")
    if not where or not Path(where).is_dir():
        pytest.skip("REVERIE_DATA does not name a folder of real sets")
    return Path(where)


def pytest_collection_modifyitems(config, items):
    """Slow tests run only when asked for by `-m`."""
    if "slow" in (config.option.markexpr or ""):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run with -m slow"))
