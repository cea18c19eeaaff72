"""The tables of `clinbert_nb.tables`, from files and from nothing."""
import pandas as pd

from clinbert_nb.pretraining import FAMILY
from clinbert_nb.tables import PAPER_TABLE, TASKS, collect, differences, plot_differences, table_2


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
