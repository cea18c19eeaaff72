"""Scores that `clinbert_nb.tables` cannot use, and runs that are not there."""
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.tables import collect


def write_scores(results, text):
    place = results/'demo/08_i2b2_2010/summary'
    place.mkdir(parents=True)
    (place/'scores.csv').write_text(text)


@pytest.mark.parametrize('header, missing', [
    ('model,seed,f1', 'dev_f1'),
    ('model,seed,dev_f1', 'test_f1'),
    ('seed,dev_f1,test_f1', 'model'),
])
def test_a_file_without_a_column_is_named(tmp_path, monkeypatch, header, missing):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    write_scores(tmp_path, f'{header}\n')
    expected = f'demo/08_i2b2_2010/summary/scores.csv has no column {missing}; expected model, seed, dev_f1, test_f1'
    with pytest.raises(CourseError, match=expected): collect('demo')


def test_a_profile_without_runs_has_no_scores(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    assert collect('nothing').empty
    assert list(collect('nothing')) == ['task', 'model', 'seed', 'dev', 'test', 'folder']
