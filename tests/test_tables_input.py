"""Scores that `clinbert_nb.tables` cannot use, and runs that are not there."""
import pandas as pd
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.tables import collect, collect_li


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


def write_concepts(results, scores, predictions=b''):
    "A summary and one run of CDR."
    run, summary = results/'demo/14_cdr/BERT-seed0-x', results/'demo/14_cdr/summary'
    for folder in (run, summary): folder.mkdir(parents=True)
    (summary/'scores.csv').write_text(scores)
    (run/'metrics.json').write_text('{"dev_f1": 0.5}')
    (run/'predictions.parquet').write_bytes(predictions)


@pytest.mark.parametrize('scores, sentence', [
    ('model,seed,f1\nBERT,0,.5\n', 'demo/14_cdr/summary/scores.csv has no column dev_f1; expected model, seed, dev_f1'),
    ('', 'demo/14_cdr/summary/scores.csv is broken; delete its folder and run the step again'),
    ('model,seed,dev_f1\nBERT,0,.5\n', 'demo/14_cdr/BERT-seed0-x/predictions.parquet is broken; delete its folder'),
])
def test_a_broken_file_of_a_run_is_named(tmp_path, monkeypatch, scores, sentence):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    write_concepts(tmp_path, scores, b'PAR1 cut off')
    with pytest.raises(CourseError, match=sentence): collect_li('demo')


def test_predictions_of_an_older_version_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    write_concepts(tmp_path, 'model,seed,dev_f1\nBERT,0,.5\n')
    table = pd.DataFrame(dict(doc_id=['1'], gold=[['C1']], said=[['C1']]))
    table.to_parquet(tmp_path/'demo/14_cdr/BERT-seed0-x/predictions.parquet')
    with pytest.raises(CourseError, match='predictions.parquet has no column split; expected doc_id, gold, said, split'):
        collect_li('demo')


def test_a_summary_of_an_older_version_counts_as_not_run(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    (tmp_path/'demo/14_cdr/summary').mkdir(parents=True)
    assert collect_li('demo').empty
