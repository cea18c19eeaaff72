"""The effects of `clinbert_nb.effects`, from files and from nothing."""
import json

import numpy as np
import pandas as pd
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.effects import (
    accuracy_by_frequency, against, amount_claims, answers_by_frequency, collect_answers, distance_of_types,
    domain_claims, effects, frequency_effects, note_types, notes_read, plot_amounts, plot_effects,
    plot_frequency, plot_note_types, slope, special_claims)
from clinbert_nb.tables import SETTINGS, collect_li

CLINICAL = ['EhrBERT-500k', 'EhrBERT-1M']
MODELS = ['BERT', 'BioBERT', *CLINICAL]


def predictions_of(right):
    "Six mentions in three documents; the first ones are right, for the others the frequent C0 is said."
    rows = [(f'd{k % 3}', 10*k, 10*k + 5, [f'C{k}'], [f'C{k}' if k < right else 'C0'], 'test') for k in range(6)]
    return pd.DataFrame(rows, columns=['doc_id', 'start', 'end', 'gold', 'said', 'split'])


def write_corpus(results, step):
    "Four models, three seeds each; a later model has more right answers, a later seed one more."
    summary, scores = results/'demo'/step/'summary', []
    summary.mkdir(parents=True)
    for number, model in enumerate(MODELS):
        for seed in range(3):
            run = results/'demo'/step/f'{model}-seed{seed}-x'
            run.mkdir()
            (run/'metrics.json').write_text(json.dumps(dict(dev_f1=.5)))
            table = predictions_of(number + seed)
            pd.concat([table, table.assign(split='metamap')]).to_parquet(run/'predictions.parquet')
            scores.append(dict(model=model, seed=seed, dev_f1=.5))
    pd.DataFrame(scores).to_csv(summary/'scores.csv', index=False)
    (summary/'lessons.csv').write_text('concept,mentions\nC0,20\nC1,9\nC2,5\nC3,2\nC4,1\n')


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    for step in ('12_made', '13_ncbi_disease', '14_cdr'): write_corpus(tmp_path, step)
    made = tmp_path/'demo/03_pretraining/summary'
    made.mkdir(parents=True)
    (made/'settings.csv').write_text('checkpoint,notes\nEhrBERT-500k,100\nEhrBERT-1M,200\n')
    return tmp_path


def test_every_claim_has_a_row(world):
    runs = collect_li('demo')
    amounts = notes_read('demo', 'BioBERT', CLINICAL)
    assert amounts == {'BioBERT': 0, 'EhrBERT-500k': 100, 'EhrBERT-1M': 200}
    claims = domain_claims('BioBERT', CLINICAL), special_claims('BERT', 'BioBERT', CLINICAL), amount_claims(amounts)
    domain, special, more = (effects(runs, some, 100) for some in claims)
    assert [len(domain), len(special), len(more)] == [4, 8, 8]
    assert (domain.effect[domain.setting.str.startswith('MADE')] > 0).all()
    assert (domain.effect[domain.setting.isin(['NCBI', 'CDR'])] < 0).all()    # notes are better there, too: claim is wrong
    assert (more.effect > 0).all() and (more.seeds == 3).all()
    assert len(plot_amounts(runs, amounts).axes) == len(SETTINGS)
    assert len(plot_effects(more, 'x').axes) == 1


def test_answers_know_how_often_their_concepts_were_shown(world):
    answers = collect_answers('demo')
    assert len(answers) == 3*len(MODELS)*3*6
    table = accuracy_by_frequency(answers)
    assert table.loc[('CDR', 'BERT')].iloc[0] == 0            # C5 was never shown
    assert table.loc[('CDR', 'BERT'), '16+'] == 1      # C0 is said always
    preferred = frequency_effects(answers, 100).effect
    assert preferred['CDR', 'BERT', 'known better'] > 0 and preferred['CDR', 'BERT', 'said too often'] > 0
    assert len(plot_frequency(table).axes) == 3


def test_nothing_to_compare_makes_empty_tables_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    runs, answers = collect_li('demo'), collect_answers('demo')
    assert effects(runs, domain_claims('BioBERT', CLINICAL)).empty
    assert answers.empty and frequency_effects(answers).empty and accuracy_by_frequency(answers).empty
    assert notes_read('demo', 'BioBERT', CLINICAL) == {} and amount_claims({}) == []
    assert note_types('demo').empty and distance_of_types(note_types('demo')) == {}
    for figure in (plot_amounts(runs, {}), plot_frequency(accuracy_by_frequency(answers)), plot_note_types(note_types('demo'))):
        assert figure.axes


def test_weights_add_up_to_nothing():
    assert sum(against(CLINICAL, ['BERT']).values()) == pytest.approx(0)
    assert sum(slope(dict(a=0, b=100, c=250)).values()) == pytest.approx(0)
    amounts = dict(a=0., b=100., c=250.)
    assert sum(weight*7*amounts[m]/250 for m, weight in slope(amounts).items()) == pytest.approx(7)


def test_several_right_concepts_count_as_the_most_frequent():
    table = pd.DataFrame(dict(doc_id=['1'], gold=[['C1', 'C2']], said=[['C2', 'C1']], split=['dev']))
    row = answers_by_frequency(table, dict(C1=8, C2=3)).iloc[0]
    assert (row.shown, row.said, row.right) == (8, 3, True)
    nothing = table.assign(said=[[]])
    assert answers_by_frequency(nothing, {}).iloc[0].tolist() == ['1', 0, 0, False]


def test_figure_1_is_that_of_the_largest_corpus(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    for name, notes in (('small', 1), ('large', 50)):
        (tmp_path/'demo/02_notes'/name).mkdir(parents=True)
        text = f'category,notes,share,mimic_share\nECG,{notes},50,10\nEcho,{notes},50,90\n'
        (tmp_path/'demo/02_notes'/name/'categories.csv').write_text(text)
    types = note_types('demo')
    assert types.index.tolist() == ['Echo', 'ECG'] and types.notes.sum() == 100
    assert np.isclose(distance_of_types(types, 100)['distance'], 40)


def test_an_older_table_of_categories_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    (tmp_path/'demo/02_notes/hospital').mkdir(parents=True)
    (tmp_path/'demo/02_notes/hospital/categories.csv').write_text('category,notes\nECG,3\n')
    with pytest.raises(CourseError, match='02_notes/hospital/categories.csv has no column mimic_share'): note_types('demo')
