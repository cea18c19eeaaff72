"Files of predictions: what is refused, what is counted, and sizes that no corpus here has."
import pandas as pd
import pytest
from clinbert_nb.core import CourseError
from clinbert_nb.normalization import Mention, count_again, predictions_table, ranked_metrics, ranked_of, read_predictions


def mention(doc, start, *ids): return Mention(doc, start, start + 3, 'flu', 'flu', ids)


FLU = [mention('1', 0, 'A'), mention('1', 10, 'B', 'C'), mention('2', 0)]
RANKED = [[('A', .9), ('B', .1)], [('X', .5), ('C', .5)], [('A', .3)]]


def kept(path, mentions=FLU, ranked=RANKED, **more):
    predictions_table(mentions, ranked, **more).assign(split='test').to_parquet(path/'predictions.parquet')
    return path


def test_a_mention_that_stands_twice_is_refused(tmp_path):
    kept(tmp_path, [*FLU, FLU[1]], [*RANKED, RANKED[1]])
    with pytest.raises(CourseError, match='has two rows for document 1, characters 10–13; expected one for each mention'):
        count_again(tmp_path, 'test')


def test_the_same_place_in_two_parts_is_no_repetition(tmp_path):
    table = predictions_table(FLU, RANKED)
    both = pd.concat([table.assign(split='dev'), table.assign(split='dev_silent')], ignore_index=True)
    both.to_parquet(tmp_path/'predictions.parquet')
    assert len(read_predictions(tmp_path)) == 3


def test_a_document_that_the_corpus_lacks_is_named(tmp_path):
    kept(tmp_path)
    with pytest.raises(CourseError, match='has a row for document 2, characters 0–3, and the corpus has no such document'):
        count_again(tmp_path, 'test', documents=['1', '7'])


@pytest.mark.parametrize('content, sentence', [
    (b'PAR1 cut off', 'predictions.parquet is no file of predictions'),
    (None, 'predictions.parquet'),
])
def test_a_file_that_is_broken_or_not_there(tmp_path, content, sentence):
    if content: (tmp_path/'predictions.parquet').write_bytes(content)
    with pytest.raises(CourseError, match=sentence): count_again(tmp_path)


@pytest.mark.parametrize('column', ['doc_id', 'gold', 'score', 'split'])
def test_a_column_that_lacks_is_named(tmp_path, column):
    table = predictions_table(FLU, RANKED).assign(split='dev').drop(columns=column)
    table.to_parquet(tmp_path/'predictions.parquet')
    with pytest.raises(CourseError, match=f'has no column {column}; expected doc_id, start, end, gold, said, score, split'):
        count_again(tmp_path)


def test_a_part_without_mentions_counts_nothing(tmp_path):
    assert count_again(kept(tmp_path), 'dev')['mentions'] == 0


def test_a_document_of_500_mentions(tmp_path):
    many = [mention('1', 5*n, f'C{n % 7}') for n in range(500)]
    ranked = [[(f'C{n % 5}', .5), (f'C{n % 7}', .4)] for n in range(500)]
    found = count_again(kept(tmp_path, many, ranked), 'test')
    assert found == ranked_metrics(many, ranked)
    assert found['accuracy'] == sum(n % 5 == n % 7 for n in range(500))/500 and found['belb_accuracy_at_5'] == 1


def test_the_file_names_what_training_had(tmp_path):
    found = count_again(kept(tmp_path, taught={'C'}), 'test')
    assert found['seen_mentions'] == 1 and found['unseen_accuracy'] == 1
    assert count_again(tmp_path, 'test', taught={'A', 'B'})['seen_mentions'] == 2


def test_a_file_holds_no_text(tmp_path):
    table = pd.read_parquet(kept(tmp_path)/'predictions.parquet')
    assert not table.astype(str).apply(lambda column: column.str.contains('flu')).any(axis=None)


def test_a_run_that_was_not_asked_says_so(tmp_path):
    with pytest.raises(CourseError, match='says nothing about document 9, characters 0–3'):
        ranked_of(kept(tmp_path), [mention('9', 0)], 'test')
