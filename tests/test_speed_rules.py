"""Processes that are watched, killed and continued: what 21_speed measures is what happened."""
import subprocess
import sys

import pandas as pd
import pytest

from clinbert_nb import speed
from clinbert_nb.core import CourseError
from clinbert_nb.speed import SHARDS, finish, finished_files, kill_after, killed_and_continued, medians, watched

ROUNDS = pd.DataFrame([(0, 'a', 1., 1.), (0, 'b', 4., 1.)], columns=['round', 'candidate', 'seconds', 'cpu_seconds'])


def test_a_baseline_that_did_not_run_is_named():
    with pytest.raises(CourseError, match="'c' is no candidate; expected one of a, b"): medians(ROUNDS, {'a': 1, 'b': 1}, 'c')


def test_a_candidate_without_a_size_is_named():
    with pytest.raises(CourseError, match="no entry for 'b'"): medians(ROUNDS, {'a': 1}, 'a')


def python(*arguments):
    return subprocess.Popen([sys.executable, '-c', *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_memory_of_the_whole_family_is_seen():
    child = 'x = bytearray(60_000_000); import time; time.sleep(1)'
    seen = watched(python(f'import subprocess, sys; subprocess.run([sys.executable, "-c", {child!r}])'), every=.05)
    assert 60 < seen['peak_pss_mb'] <= seen['peak_rss_mb'] < 200
    assert seen['seconds'] > 1 and seen['looks'] > 5


def test_a_process_that_failed_is_an_error_with_its_last_line():
    with pytest.raises(CourseError, match='ended with 1: ValueError: no good'): watched(python('raise ValueError("no good")'))


def test_a_process_that_was_too_fast_to_be_killed_is_an_error(tmp_path):
    with pytest.raises(CourseError, match='done before it could be killed'): kill_after(python('pass'), tmp_path, '', 1)


def test_unfinished_files_are_not_counted(tmp_path):
    for name in [
        '.sentences.unfinished/shard-00000.parquet',
        '.sentences.unfinished/.shard-00001.parquet.partial',
        'tokens/.00001.partial-7/tokens.u16',
        '.x.lock',
    ]:
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/name).write_text('x')
    assert list(finished_files(tmp_path)) == ['sentences/shard-00000.parquet']


MAKER = """
import sys, time
from pathlib import Path
folder, fault = Path(sys.argv[1]), sys.argv[2]
for i in range(6):
    shard = folder/"sentences"/f"shard-{i:05}.parquet"
    shard.parent.mkdir(exist_ok=True)
    if shard.exists() and fault != "again": continue
    time.sleep(.1)
    (folder/f".{i}").write_text(f"{i}" + (str(time.time()) if fault == "noise" else ""))
    (folder/f".{i}").rename(shard)
"""


@pytest.mark.parametrize('fault', ['none', 'again', 'noise'])
def test_work_that_is_made_again_or_comes_out_different_is_found(fault, tmp_path, monkeypatch):
    def started(arguments): return python(MAKER, str(arguments['folder']), fault)
    monkeypatch.setattr(speed, 'start', started)
    monkeypatch.setattr(speed, 'text_to_tokens', lambda **arguments: finish(started(arguments)))
    compared = killed_and_continued({}, tmp_path, SHARDS[:1])
    assert compared['files'] == [6] and 3 <= compared['finished'][0] < 6
    assert bool(compared['made_again']) == (fault == 'again')
    assert bool(compared['different']) == (fault == 'noise')
