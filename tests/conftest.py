"""Shared by all tests: folders of their own for data and results, and the real open corpora if they are there."""
import gc
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
gc.set_threshold(50_000, 20, 20)   # with torch come a million objects; looking through them at every turn is a tenth of an import


def pytest_collection_modifyitems(items):
    "Whole runs first: a worker that starts a file of minutes last works alone."
    items.sort(key=lambda item: not item.path.name.startswith('test_e2e_'))


@pytest.fixture(scope='session', autouse=True)
def own_folders(tmp_path_factory):
    "Data and results of the whole test session: what one test makes (the synthetic hospital, a checkpoint) the next one finds, the user's stay untouched."
    with pytest.MonkeyPatch.context() as patch:
        for variable in ('CLINBERT_DATA', 'CLINBERT_RESULTS'):
            patch.setenv(variable, str(tmp_path_factory.mktemp(variable.lower())))
        yield


@pytest.fixture(scope='session')
def open_data():
    "The folder of real open corpora: `CLINBERT_OPEN_DATA`, else ../shared/data beside the checkout."
    folder = Path(os.environ.get('CLINBERT_OPEN_DATA') or ROOT.parent/'shared/data')
    if not folder.is_dir(): pytest.skip(f'no open corpora: {folder} does not exist (set CLINBERT_OPEN_DATA)')
    return folder
