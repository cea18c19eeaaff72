"The committed samples of the four i2b2 corpora: what is written today, what every reader makes of it, and the way back."
import filecmp
import shutil
from pathlib import Path

import pytest

from clinbert_nb import i2b2_2006, i2b2_2010, i2b2_2012, i2b2_2014
from clinbert_nb.ner import check_spans

SAMPLE = Path(__file__).resolve().parent.parent/'data/sample'
MODULES = dict(i2b2_2006=i2b2_2006, i2b2_2010=i2b2_2010, i2b2_2012=i2b2_2012, i2b2_2014=i2b2_2014)
FOUND = dict(i2b2_2006=('DATE', 'DOCTOR', 'HOSPITAL', 'ID', 'PATIENT'), i2b2_2010=('problem', 'test', 'treatment'), i2b2_2012=('CLINICAL_DEPT', 'EVIDENTIAL', 'OCCURRENCE', 'PROBLEM', 'TEST'),
             i2b2_2014=('DATE', 'DOCTOR', 'HOSPITAL', 'MEDICALRECORD', 'PATIENT'))


def read(corpus, folder):
    "Documents of a corpus, from its own files."
    if corpus == 'i2b2_2006': return i2b2_2006.read_i2b2_2006(folder/i2b2_2006.TRAIN)[0]
    if corpus == 'i2b2_2014': return i2b2_2014.read_i2b2_2014(folder)[0]
    return (i2b2_2010.read_concepts if corpus == 'i2b2_2010' else i2b2_2012.read_events)(folder)[0]


def write(corpus, documents, folder):
    "Documents as a corpus."
    if corpus == 'i2b2_2006': folder.mkdir(), i2b2_2006.write_i2b2_2006(documents, folder/i2b2_2006.TRAIN)
    elif corpus == 'i2b2_2014': i2b2_2014.write_i2b2_2014(documents, folder)
    else: (i2b2_2010.write_concepts if corpus == 'i2b2_2010' else i2b2_2012.write_events)(documents, folder)


@pytest.mark.parametrize('corpus', MODULES)
def test_the_sample_is_what_is_written_today(corpus, tmp_path):
    MODULES[corpus].write_sample(tmp_path)
    files = {p.relative_to(SAMPLE/corpus) for p in (SAMPLE/corpus).rglob('*') if p.is_file()}
    assert files == {p.relative_to(tmp_path) for p in tmp_path.rglob('*') if p.is_file()}
    assert all(filecmp.cmp(SAMPLE/corpus/f, tmp_path/f, shallow=False) for f in files), 'run `python scripts/course.py samples`'


@pytest.mark.parametrize('corpus', MODULES)
def test_it_is_read_and_written_back(corpus, tmp_path):
    documents = read(corpus, SAMPLE/corpus)
    assert len(documents) == 2
    for d in documents: check_spans(d, corpus)
    assert set(FOUND[corpus]) <= {s.type for d in documents for s in d.spans}
    write(corpus, documents, tmp_path/'again')
    assert read(corpus, tmp_path/'again') == documents


@pytest.mark.parametrize('corpus', MODULES)
def test_cut_off_it_is_refused(corpus, tmp_path):
    shutil.copytree(SAMPLE/corpus, tmp_path/'cut')
    file = max((p for p in (tmp_path/'cut').rglob('*') if p.suffix in ('.xml', '.con')), key=lambda p: p.stat().st_size)
    file.write_bytes(file.read_bytes()[:-25])
    with pytest.raises(MODULES[corpus].CourseError, match=file.name): read(corpus, tmp_path/'cut')
