"""The tables of `clinbert_nb.tables`, from files and from nothing."""
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from clinbert_nb.normalization import Mention, document_bootstrap, document_f1
from clinbert_nb.pretraining import FAMILY
from clinbert_nb.tables import (
    PAPER_TABLE, TASKS, by_document, collect, collect_li, counts_of, differences, document_p, drawn_f1,
    paper_tables, plot_differences, seed_p, table_2, weighted_f1, write_table)


def three_runs():
    runs = [('BERT', 0, .70), ('BERT', 1, .72), ('mine', 0, .8)]
    return pd.DataFrame([dict(task='i2b2 2010', model=m, seed=s, dev=.5, test=t, folder='') for m, s, t in runs])


def write_scores(results, task, text):
    place = results/'demo'/TASKS[task][0]
    place.mkdir(parents=True)
    (place/'scores.csv').write_text(text)


def test_scores_come_from_files(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    write_scores(tmp_path, 'MedNLI', 'model,seed,dev_accuracy,test_accuracy,folder\nBERT,0,.5,.4,x\n')
    write_scores(tmp_path, 'i2b2 2010', 'model,seed,dev_f1,test_f1\nBERT,0,.8,.7\nClinical,0,.9,.8\n')
    assert collect('demo').values.tolist() == [
        ['MedNLI', 'BERT', 0, .5, .4, 'demo/05_mednli/summary'],
        ['i2b2 2010', 'BERT', 0, .8, .7, 'demo/08_i2b2_2010/summary'],
        ['i2b2 2010', 'Clinical', 0, .9, .8, 'demo/08_i2b2_2010/summary'],
    ]


def test_the_table_is_whole_whatever_has_been_run():
    table = table_2(three_runs())
    assert list(table) == list(TASKS)
    assert list(table.index) == [*FAMILY, 'mine']
    assert table.loc['BERT', 'MedNLI'] == '–'
    assert (table_2(three_runs()[:0]) == '–').all().all()


def test_the_papers_table_is_whole():
    assert PAPER_TABLE.shape == (6, 5)
    assert PAPER_TABLE.notna().all().all()
    assert PAPER_TABLE.loc['Bio+Discharge', 'i2b2 2010'] == 87.8
    assert PAPER_TABLE.MedNLI.idxmax() == 'Bio+Clinical'


def test_nothing_to_compare_makes_an_empty_table_and_a_picture():
    found = differences(three_runs()[:0], 'BERT')
    assert found.empty
    assert len(plot_differences(found, PAPER_TABLE, 'BERT').axes) == 5
    assert len(plot_differences(found, PAPER_TABLE, 'not in the paper').axes) == 5


def write_run(folder, metrics, predictions=None):
    "A run as the tasks leave it."
    folder.mkdir(parents=True)
    (folder/'metrics.json').write_text(json.dumps(metrics))
    if predictions is not None: predictions.to_parquet(folder/'predictions.parquet')


def predictions_of(seed, right):
    "What a run said about three documents of two mentions; the first `right` of them rightly."
    rows = []
    for k in range(6):
        said = [f'C{k}'] if k < right else ['Z']
        rows.append((f'd{k % 3}', 10*k, 10*k + 5, [f'C{k}'], said, [.9], 'test'))
    columns = ['doc_id', 'start', 'end', 'gold', 'said', 'score', 'split']
    table = pd.DataFrame(rows, columns=columns)
    return pd.concat([table, table[:4].assign(split='metamap'), table[:1].assign(split='dev')])


def made_corpus(results, step, models):
    "The runs of three seeds of some models in a step, its summary, and a stand-in for the other system."
    scores = []
    for number, model in enumerate(models):
        for seed in range(3):
            metrics = dict(dev_f1=.5 + .01*seed, test_f1=.6 + .01*number)
            write_run(results/'demo'/step/f'{model}-seed{seed}-abc', metrics, predictions_of(seed, 2 + (number + seed) % 4))
            scores.append(dict(model=model, seed=seed) | metrics)
    summary = results/'demo'/step/'summary'
    summary.mkdir()
    pd.DataFrame(scores).to_csv(summary/'scores.csv', index=False)
    counts = dict(document=['d0', 'd1', 'd2'], correct=1, predicted=2, gold=2)
    pd.DataFrame(counts).to_csv(summary/'baseline.csv', index=False)


def made_results(results):
    "A small world of results, with checkpoints beside them."
    for task, (place, metric) in TASKS.items():
        write_scores(results, task, f'model,seed,dev_{metric},test_{metric}\nBERT,0,.8,.7\nBERT,1,.7,.6\n')
        write_run((results/'demo'/place).parent/'BERT-seed0-x', {f'dev_{metric}': .8, f'test_{metric}': .7})
        (results/'demo'/place/'sizes.csv').write_text('dim,train,dev,test\n3,10,2,5\n')
    for step in ('12_made', '13_ncbi_disease', '14_cdr'): made_corpus(results, step, ['BERT', 'EhrBERT-1M', 'mine'])
    pretraining = results/'demo/03_pretraining/summary'
    pretraining.mkdir(parents=True)
    (pretraining/'settings.csv').write_text('checkpoint,epochs,batch_size,notes,sentences,words\nEhrBERT-1M,15,64,10,20,200\n')
    for name in ('BERT', 'EhrBERT-1M', '14_cdr'):
        (results/'demo/models'/name).mkdir(parents=True)
        (results/'demo/models'/name/'model.safetensors').write_text('weights')


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    made_results(tmp_path)
    return tmp_path


def test_without_checkpoints_the_tables_come_out_the_same(world):
    before = paper_tables('demo', 50)
    shutil.rmtree(world/'demo/models')
    after = paper_tables('demo', 50)
    assert list(before) == list(after)
    for name in before: pd.testing.assert_frame_equal(before[name], after[name])


def test_every_cell_of_a_made_world_names_its_runs(world):
    tables = paper_tables('demo', 50)
    cells = tables['alsentzer_table_2_cells'].set_index(['column', 'model'])
    runs = cells.runs['i2b2 2010', 'BERT'].split()
    assert runs == ['demo/08_i2b2_2010/BERT-seed0-x', 'demo/08_i2b2_2010/summary']   # the second run is gone
    li = tables['li_table_2_cells'].set_index(['column', 'model'])
    assert li.runs['CDR', 'EhrBERT-1M'].split() == [f'demo/14_cdr/EhrBERT-1M-seed{seed}-abc' for seed in range(3)]
    assert li.seeds['CDR', 'EhrBERT-1M'] == 3 and li.seeds['CDR', 'DNorm'] == 1
    assert 'mine' in li.loc['CDR'].index and np.isnan(li.paper['CDR', 'mine'])
    assert tables['li_table_1'].loc['Epoch', 'EhrBERT-1M'] == '15'
    assert tables['li_corpora'].loc['words a sentence', 'EhrBERT-1M, ours'] == '10.0'


def test_what_was_not_run_has_its_command(world):
    missing = paper_tables('demo', 50)['not_run'].set_index('column')
    assert missing.models['CDR'] == 'BioBERT, EhrBERT-500k'
    assert missing.command['CDR'] == 'make course ONLY=14_cdr, with BioBERT, EhrBERT-500k among its models'


def test_a_run_without_predictions_is_not_counted(world):
    (world/'demo/14_cdr/BERT-seed0-abc/predictions.parquet').unlink()
    runs = collect_li('demo')
    assert sum((runs.setting == 'CDR') & (runs.model == 'BERT')) == 2


def test_all_tables_are_there_when_nothing_was_run(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    tables = paper_tables('demo', 50)
    assert tables['li_table_3'].loc['BERT', 'BioBERT'] == '.17; –; –'
    assert tables['alsentzer_table_2'].loc['BERT', 'MedNLI'] == '– (80.4)'
    assert len(tables['not_run']) == 9
    for name, table in tables.items(): write_table(table, tmp_path, name)
    assert len(list(tmp_path.glob('*.md'))) == len(list(tmp_path.glob('*.tex'))) == len(tables)


PREDICTED = 'MADE, predicted mentions'

@pytest.mark.parametrize('places, f1', [(6, 2*2/12), (2, 2*2/8), (0, 0)])
def test_places_that_were_not_found_count_as_missed(places, f1):
    mentions = predictions_of(0, 2).query('split == "test"')
    counts = counts_of(PREDICTED, pd.concat([mentions, mentions[:places].assign(split='metamap')]))
    if not places: assert counts is None
    else: assert weighted_f1(counts.to_numpy(), np.ones(len(counts)), 'micro') == pytest.approx(f1)


def test_counts_give_the_scores_of_the_metrics():
    rows = predictions_of(0, 4).query('split == "test"')
    mentions = [Mention(r.doc_id, r.start, r.end, 'x', 'x', tuple(r.gold)) for r in rows.itertuples()]
    said = [tuple(s[:1]) for s in rows.said]
    counts, ones = by_document(rows).to_numpy(), np.ones(3)
    expected = document_f1(mentions, said)
    assert weighted_f1(counts, ones, 'macro') == pytest.approx(expected['f1'])
    assert weighted_f1(counts, ones, 'micro') == pytest.approx(expected['micro_f1'])


def test_drawn_documents_agree_with_the_bootstrap_of_mentions():
    rows = {right: predictions_of(0, right).query('split == "test"') for right in (2, 5)}
    mentions = [Mention(r.doc_id, r.start, r.end, 'x', 'x', tuple(r.gold)) for r in rows[2].itertuples()]
    low, high = ([tuple(s[:1]) for s in rows[right].said] for right in (2, 5))
    expected = document_bootstrap(mentions, low, high, draws=4000)
    drawn = [drawn_f1([by_document(rows[right])], ['d0', 'd1', 'd2'], 'macro', 4000) for right in (2, 5)]
    found = document_p(*drawn)
    for end in ('from', 'to'): assert found[end] == pytest.approx(expected[end], abs=1e-6)
    assert found['document p'] == pytest.approx(expected['p'], abs=.02)


@pytest.mark.parametrize('low, high, p', [
    ([.5], [.6, .6, .6], None),       # no spread: no p
    ([.5, .6], [.6], None),           # one pair only
    ([.5, .6, .55], [.6, .7, .66], 'small'),
    ([.6, .7, .66], [.5, .6, .55], 'large'),
])
def test_a_p_by_seeds_needs_seeds(low, high, p):
    found = seed_p(pd.Series(low), pd.Series(high))
    assert np.isnan(found) if p is None else found < .05 if p == 'small' else found > .95
