"""What the papers' profile needs is known before it starts: every place has its row in data/README.md, every run its hours."""
import json

import pytest

from clinbert_nb.core import CourseError, checkout, read_profile
from clinbert_nb.parameters import check_value, declared, read_as
from clinbert_nb.plan import cells_and_seeds, corpus_at, cuts, gpu_hours, missing_data, texts_in

pytestmark = pytest.mark.skipif(not checkout(), reason='installed from a wheel')


@pytest.fixture
def paper(tmp_path, monkeypatch):
    "The papers' profile on a machine that has nothing."
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    for variable in ('CLINBERT_BERT', 'CLINBERT_BIOBERT', 'CLINBERT_CHECKPOINT', 'CLINBERT_REHEARSAL'): monkeypatch.delenv(variable, raising=False)
    return checkout()/'configs/paper.yaml'


def test_everything_that_is_missing_is_in_one_table(paper):
    missing = missing_data(read_profile(paper, strict=False))
    places = set(missing['where to'])
    assert {'$CLINBERT_BERT', '$CLINBERT_BIOBERT'} < places
    assert missing['where to'].is_unique
    assert any(place.endswith('data/umls/MRCONSO.RRF') for place in places)


@pytest.mark.parametrize('name', ['paper', 'open'])
def test_each_place_of_a_profile_has_its_row_in_the_readme(paper, name, monkeypatch):
    monkeypatch.setenv('CLINBERT_OPEN_DATA', '/nowhere')
    missing = missing_data(read_profile(paper.with_stem(name), strict=False))
    unknown = missing[missing.what == 'not in data/README.md']
    assert len(missing) > 5 and unknown.empty, unknown['where to'].tolist()
    assert (missing['where from'] != '').all()


def test_a_profile_with_unset_variables_is_still_an_error_when_it_runs(paper):
    with pytest.raises(CourseError, match=r'\$CLINBERT_BERT, which is not set'): read_profile(paper)


@pytest.mark.parametrize('path, corpus', [
    ('/x/made/metamap.mmi', "MetaMap's output for MADE's test notes"),
    ('/x/made/test', 'MADE 1.0'),
    ('/x/i2b2_2014/testing-PHI-Gold-fixed', 'i2b2/UTHealth 2014 de-identification'),
    ('/x/mimic_iv', 'MIMIC-IV-Note 2.2'),
    ('/x/mimic/NOTEEVENTS.csv.gz', 'MIMIC-III v1.4, clinical notes'),
    ('/x/mimic_v', None),
])
def test_the_row_with_most_of_a_path_is_taken(path, corpus):
    assert corpus_at(path).get('corpus') == corpus


def test_texts_are_found_at_any_depth():
    assert list(texts_in({'a': ['x', {'b': 'NAME=/y'}], 'c': 3, 'd': None})) == ['x', '/y']


@pytest.mark.parametrize('cells, seeds, runs', [(1, 1, 1), (1, 3, 3), (4, 1, 4), (4, 3, 6)])
def test_a_grid_is_tried_with_one_seed_and_its_best_cell_with_all(cells, seeds, runs):
    grid = dict(learning_rates=[1e-5]*cells, batch_sizes=[16], epochs=[3], seeds=seeds)
    assert len(list(cells_and_seeds(grid))) == runs


def test_both_papers_are_in_the_plan(paper):
    steps = read_profile(paper, rehearsal=False, strict=False)
    plan = gpu_hours(steps)
    assert {name for name in steps if name[:2] not in ('02', '15')} >= set(plan.step)
    assert plan.hours.gt(0).all() and plan.steps.gt(0).all()
    models = plan[plan.step == '05_mednli'].checkpoint
    assert models.nunique() == 6 and models.value_counts().nunique() == 1


def test_a_rehearsal_cuts_no_place_and_no_model(paper):
    cut = cuts(paper)
    assert not {'data', 'test', 'vocabulary', 'models', 'split', 'long_lines'} & set(cut.index.get_level_values('parameter'))
    assert cut.loc[('03_pretraining', 'steps')].tolist() == [150000, 20]


@pytest.mark.parametrize('rehearsal', [False, True])
def test_each_value_is_one_that_its_notebook_takes(paper, rehearsal):
    for name, step in read_profile(paper, rehearsal=rehearsal, strict=False).items():
        cells = json.loads((checkout()/'nbs'/f"{step['notebook']}.ipynb").read_text())['cells']
        source = ''.join(next(c for c in cells if 'parameters' in c['metadata'].get('tags', []))['source'])
        exec(source, scope := {})
        kinds, known = scope['__annotations__'], declared(source)
        assert set(step['parameters']) <= set(known), name
        for parameter, value in step['parameters'].items():
            check_value(parameter, read_as(value, kinds[parameter]), kinds[parameter], *known[parameter])
