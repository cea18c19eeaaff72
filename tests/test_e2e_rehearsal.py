"""The papers' profile on invented corpora: all it names is there and is read, and a step that ran shows no line of it."""
import gzip
import json

import pytest

from clinbert_nb.core import checkout, data_root, main, read_profile, results_root, whole_folder
from clinbert_nb.plan import missing_data
from clinbert_nb.rehearsal import LOOKS, look_at, write_rehearsal

pytestmark = pytest.mark.skipif(not checkout(), reason='installed from a wheel')


@pytest.fixture(scope='module')
def corpora(own_folders):
    folder = data_root()/'rehearsal'
    with whole_folder(folder) as partial: write_rehearsal(partial)
    return folder


def paper(): return checkout()/'configs/paper.yaml'


def test_the_rehearsal_has_every_place_of_the_profile(corpora):
    missing = missing_data(read_profile(paper(), rehearsal=True))
    assert missing.empty, missing


def test_each_corpus_is_read_by_its_reader(corpora):
    looked = look_at(corpora)
    assert list(looked.index) == list(LOOKS)
    assert (looked.wrong == '').all(), looked.wrong
    assert looked.read['i2b2_2014'].startswith('training-PHI-Gold-Set1 ')


def test_no_text_of_it_may_be_shown(corpora):
    statements = [json.loads(path.read_text()) for path in corpora.rglob('corpus.json')]
    assert [statement['shareable'] for statement in statements] == [False]


@pytest.fixture(scope='module')
def executed(corpora):
    "The notebook of the first step, as the workflow runs it."
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('CLINBERT_REHEARSAL', '1')
        main([str(paper()), '02_notes'])
    return results_root()/'rehearsal/02_notes/executed.ipynb'


def test_a_step_that_ran_shows_no_line_of_a_note(corpora, executed):
    with gzip.open(corpora/'mimic/NOTEEVENTS.csv.gz', 'rt', encoding='utf-8') as stream:
        lines = {line.strip() for line in stream if len(line.strip()) > 40}
    shown = json.dumps(json.loads(executed.read_text(encoding='utf-8')), ensure_ascii=False)
    assert len(lines) > 1000
    assert not [line for line in lines if json.dumps(line, ensure_ascii=False)[1:-1] in shown]


def test_its_results_are_those_of_the_rehearsal(executed):
    manifest = json.loads((executed.parent/'notes/manifest.json').read_text())
    assert manifest['parameters']['profile'] == 'rehearsal'
    assert manifest['parameters']['notes'].endswith('rehearsal/mimic/NOTEEVENTS.csv.gz')
