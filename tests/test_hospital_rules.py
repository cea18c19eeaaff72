"""Rules of the hospital's files that no lesson needs: any number of workers, the same bytes every time, folders of their own, the committed sample."""
import csv
import gzip
import json
import re

import pytest

from clinbert_nb.core import checkout, file_hash
from clinbert_nb.files import read_json
from clinbert_nb.hospital import (
    COLUMNS, FILES_IV, MIMIC_IV_COLUMNS, AGE, ensure_hospital, make_hospital, write_mednli, write_mimic_iv,
    write_noteevents, write_sample)
from clinbert_nb.pens import MIMIC_COUNTS, notes_before

DEMO_NOTES = 'f15659a29abdd20b'     # of forty patients; every result of the demo was made with these bytes


def rows_of(path):
    "Header and rows of a CSV file, compressed or not."
    opened = gzip.open(path, 'rt', newline='', encoding='utf-8') if path.suffix == '.gz' else path.open(newline='', encoding='utf-8')
    with opened as f:
        header, *rows = csv.reader(f)
    return tuple(header), rows


def small_hospital(folder):
    folder.mkdir()
    make_hospital(folder, patients=5, premises=2, general_documents=5, biomedical_documents=5)
    return folder


# NOTEEVENTS

@pytest.fixture
def written(tmp_path, monkeypatch):
    "Writes the long notes of eight patients, in parts of so many patients; gives the bytes."
    def write(name, workers, part=3):
        monkeypatch.setattr('clinbert_nb.hospital.PART', part)
        notes = write_noteevents(tmp_path/name, 8, 0, long_notes=True, workers=workers)
        assert notes == sum(notes_before(category, 8) for category in MIMIC_COUNTS)
        return (tmp_path/name).read_bytes()
    return write


@pytest.mark.parametrize('workers', [1, 2, 3])
def test_parts_are_the_whole_for_any_number_of_workers(written, workers):
    assert written('parts', workers) == written('whole', 1, part=500)


def test_parts_are_removed_and_rows_are_numbered(written, tmp_path):
    written('notes', 2)
    assert [p.name for p in tmp_path.iterdir()] == ['notes']
    _, rows = rows_of(tmp_path/'notes')
    assert [int(row[0]) for row in rows] == list(range(1, len(rows)+1))
    assert rows[-1][1] == '10007'


def test_files_are_the_same_every_time(tmp_path):
    assert file_hash(small_hospital(tmp_path/'a')) == file_hash(small_hospital(tmp_path/'b'))


def test_noteevents_has_the_layout_of_mimic(tmp_path):
    header, rows = rows_of(small_hospital(tmp_path/'a')/'NOTEEVENTS.csv')
    assert header == COLUMNS
    assert [int(row[0]) for row in rows] == list(range(1, len(rows)+1))
    assert all(row[4] == '' for row in rows if row[6] in ('Discharge summary', 'ECG', 'Echo'))
    assert 'Physician ' in {row[6] for row in rows}


def test_noteevents_has_the_shares_of_mimic(tmp_path):
    _, rows = rows_of(small_hospital(tmp_path/'a')/'NOTEEVENTS.csv')
    counts = {category: sum(row[6] == category for row in rows) for category in MIMIC_COUNTS}
    assert counts == {category: notes_before(category, 5) for category in MIMIC_COUNTS}


def test_a_hospital_with_long_notes_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path))
    short, long = (ensure_hospital(2, 1, 1, 1, long_notes=choice) for choice in (False, True))
    assert short.name == 'hospital-2-1-1-1-0' and long.name == 'hospital-2-1-1-1-0-long'
    assert 'long_notes' not in read_json(short/'hospital.json')
    assert read_json(long/'hospital.json')['long_notes'] is True
    assert (long/'NOTEEVENTS.csv').stat().st_size > 2*(short/'NOTEEVENTS.csv').stat().st_size


# MedNLI

def test_a_pair_has_the_eight_fields_of_mednli(tmp_path):
    write_mednli(tmp_path/'m', 10, 0, 1)
    pair = json.loads((tmp_path/'m/mli_train_v1.jsonl').read_text().splitlines()[0])
    parses = {f'sentence{k}{kind}' for k in (1, 2) for kind in ('_parse', '_binary_parse')}
    assert pair.keys() == {'pairID', 'gold_label', 'sentence1', 'sentence2'} | parses
    assert {pair[name] for name in parses} == {''}


# MIMIC-IV

@pytest.fixture(scope='module')
def mimic_iv(tmp_path_factory):
    "The counts that were returned, and file → header and rows."
    folder = tmp_path_factory.mktemp('iv')
    counts = write_mimic_iv(folder, 12, 0)
    assert sorted(p.name for p in folder.iterdir()) == ['discharge.csv.gz', 'radiology.csv.gz']
    return counts, {file: rows_of(folder/f'{file}.csv.gz') for file, *_ in FILES_IV.values()}


@pytest.mark.parametrize('file, types', [('discharge', {'DS', 'AD'}), ('radiology', {'RR', 'AR'})])
def test_a_file_of_mimic_iv_has_its_columns_and_types_in_order_of_patients(mimic_iv, file, types):
    header, rows = mimic_iv[1][file]
    assert header == MIMIC_IV_COLUMNS
    assert {row[3] for row in rows} == types
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)


def test_the_notes_of_mimic_iv_are_counted_and_have_ids_of_their_own(mimic_iv):
    counts, files = mimic_iv
    rows = [row for _, rows in files.values() for row in rows]
    assert counts == {kind: sum(row[3] == kind for row in rows) for kind in counts}
    assert counts['DS'] == 12 and min(counts.values()) > 2
    assert len({row[0] for row in rows}) == len(rows)
    for row in rows:
        assert row[0] == f'{row[1]}-{row[3]}-{row[4]}'
        assert re.fullmatch(r'10\d{6}-(DS|AD|RR|AR)-\d+', row[0])


def test_nothing_that_mimic_iv_removes_is_in_its_files(mimic_iv):
    for row in (row for _, rows in mimic_iv[1].values() for row in rows):
        assert '___' in row[-1] and '[**' not in row[-1] and not AGE.search(row[-1])


def test_mimic_iv_files_change_nothing_and_are_the_same_every_time(tmp_path):
    for name in 'ab':
        (tmp_path/name).mkdir()
        write_mimic_iv(tmp_path/name, 3, 0)
    assert file_hash(tmp_path/'a') == file_hash(tmp_path/'b')
    write_noteevents(tmp_path/'n.csv', 40, 0)
    assert file_hash(tmp_path/'n.csv') == DEMO_NOTES


# The sample

def test_the_committed_sample_is_what_the_code_writes(tmp_path):
    if not checkout(): pytest.skip('no checkout, no sample')
    write_sample(tmp_path)
    for path in (p for p in tmp_path.rglob('*') if p.is_file()):
        committed = checkout()/'data/sample'/path.relative_to(tmp_path)
        assert file_hash(path) == file_hash(committed), f'{path.name}: run 01_hospital with sample=True'
