"""MIMIC-IV's two files through 02, 02b and 03: one corpus of four types of notes, nothing lost, and a checkpoint that has read it."""
import csv
import gzip
from pathlib import Path

import pandas as pd
import pytest

from clinbert_nb.core import CourseError, run_notebook
from clinbert_nb.hospital import mimic_iv_notes, write_mimic_iv, write_noteevents
from clinbert_nb.notes import ensure_sentences, read_sentences
from clinbert_nb.files import describe_corpus, read_json

ROOT = Path(__file__).resolve().parent.parent
PATIENTS = 12


@pytest.fixture(scope='module')
def mimic_iv(tmp_path_factory):
    "A folder as MIMIC-IV-Note 2.2 is handed out, with the files of details that hold no notes."
    folder = tmp_path_factory.mktemp('mimic_iv')
    write_mimic_iv(folder, PATIENTS, 0)
    for name in ('discharge', 'radiology'):
        with gzip.open(folder/f'{name}_detail.csv.gz', 'wt') as out: out.write('note_id,subject_id,field_name,field_value,field_ordinal\n')
    describe_corpus(folder, 'invented', shareable=True)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path/'results'))
    def started(notebook, **parameters): return run_notebook(ROOT/f'nbs/{notebook}.ipynb', tmp_path/f'{notebook}.ipynb', dict(profile='t') | parameters, progress=False)
    return started


def test_from_two_files_to_a_checkpoint(mimic_iv, run, tmp_path):
    rows = [row for number in range(PATIENTS) for _, row in mimic_iv_notes(number, 0)]
    types = pd.Series([row[3] for row in rows]).value_counts().to_dict()
    assert set(types) == {'DS', 'AD', 'RR', 'AR'}

    run('02_notes', notes=str(mimic_iv), name='iv')
    counted = read_json(tmp_path/'results/t/02_notes/iv/metrics.json')
    assert counted['notes_read'] == counted['notes'] == len(rows) and counted['characters_lost'] == counted['broken_rows'] == 0
    folder = ensure_sentences(mimic_iv, 'iv', True)
    assert read_json(folder/'report.json')['categories'] == types
    notes = list(read_sentences(folder))
    in_order = sorted(rows, key=lambda row: row[3] in ('RR', 'AR'))   # the first file, then the second
    assert [note.note_id for note in notes] == [row[0] for row in in_order]
    assert sum(s.count('___') for note in notes for s in note.sentences) == sum(row[-1].count('___') for row in rows) > 300
    alone = [s for note in notes for s in note.sentences if s == '___']
    assert len(alone) < len(rows)/10, 'a marker inside a line is no ruler'

    corpora = dict(corpora=dict(iv=str(mimic_iv)), options=dict(iv=dict(shareable=True)))
    run('02b_tokens', corpus='iv', workers=1, **corpora)
    stored = read_json(next((tmp_path/'data/tokens').glob('*/manifest.json')))
    assert stored['documents'] == len(rows) and stored['sentences'] == counted['sentences']

    run('03_pretraining', family={'A': ['', 'iv']}, steps=6, batch_size=4, evaluations=2, **corpora)
    made = tmp_path/'results/t/models/A'
    assert pd.read_csv(made/'curve.csv').step.max() == 6 and (made/'model.safetensors').stat().st_size > 1000


def test_the_papers_choice_of_notes_has_other_names_here(mimic_iv, tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path))
    summaries = ensure_sentences(mimic_iv, 'discharge', workers=1, categories=['DS', 'AD'])
    assert {note.category for note in read_sentences(summaries)} == {'DS', 'AD'}
    with pytest.raises(CourseError, match="no note of category 'Discharge summary'; it has AD, AR, DS, RR"):
        ensure_sentences(mimic_iv, 'discharge', workers=1, categories=['Discharge summary'])


def test_surrogates_are_counted_by_kind_and_what_is_unknown_stays(mimic_iv, tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path))
    folder = ensure_sentences(mimic_iv, 'iv', workers=1, replace_markers=True)
    report = read_json(folder/'report.json')
    kinds = report['markers_replaced']
    left = sum(s.count('___') for note in read_sentences(folder) for s in note.sentences)
    with gzip.open(mimic_iv/'discharge.csv.gz', 'rt', newline='') as f: texts = [row['text'] for row in csv.DictReader(f)]
    with gzip.open(mimic_iv/'radiology.csv.gz', 'rt', newline='') as f: texts += [row['text'] for row in csv.DictReader(f)]
    assert sum(kinds.values()) == sum(text.count('___') for text in texts)
    assert left == kinds['unknown kind'] < .1*sum(kinds.values()) and {'age', 'date', 'name of the patient', 'last name'} <= set(kinds)
    assert report['characters_lost'] == 0


def test_both_versions_of_mimic_in_a_folder_are_one_sentence(mimic_iv, run, tmp_path):
    (tmp_path/'both').mkdir()
    write_mimic_iv(tmp_path/'both', 1, 0)
    write_noteevents(tmp_path/'both/NOTEEVENTS.csv', 1, 0)
    with pytest.raises(Exception, match='NOTEEVENTS.csv and discharge.csv.gz, notes of MIMIC-III and of MIMIC-IV; name the file that you mean'):
        run('02_notes', notes=str(tmp_path/'both'))
    assert not (tmp_path/'data/sentences').exists()
