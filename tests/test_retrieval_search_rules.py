"The exact search under everything that could make it wrong: ties, scales, shapes, chunks."
import pytest
import torch
from clinbert_nb.core import CourseError
from clinbert_nb.retrieval import RoughScores, in_whole_numbers, nearest, searchable


def drawn(seed, *shape): return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sorted_places(queries, matrix, k):
    "Oracle: all scores in double precision, rounded once; equal ones in the order of the names."
    scores = (queries.double()[:, None]*matrix.double()).sum(-1).float()
    return scores.sort(descending=True, stable=True).indices[:, :k]


def nearly_equal(names, hidden): return drawn(0, 1, hidden) + 1e-6*drawn(1, names, hidden)
def far_from_the_origin(names, hidden): return 50 + drawn(0, names, hidden)
def of_all_lengths(names, hidden): return drawn(0, names, hidden)*10.**torch.arange(names)[:, None].remainder(12).sub(6)
def tiny(names, hidden): return 1e-22*drawn(0, names, hidden)
def huge(names, hidden): return 1e12*drawn(0, names, hidden)
def with_outliers(names, hidden):
    vectors = drawn(0, names, hidden)
    vectors[:, 0] *= 300
    return vectors
def sparse(names, hidden): return drawn(0, names, hidden)*(drawn(1, names, hidden) > 1.5)
def zeros(names, hidden): return torch.zeros(names, hidden)
def whole_numbers(names, hidden): return drawn(0, names, hidden).round()


ODD = [nearly_equal, far_from_the_origin, of_all_lengths, tiny, huge, with_outliers, sparse, zeros, whole_numbers]


@pytest.mark.parametrize('rough', [True, False])
@pytest.mark.parametrize('vectors', ODD)
def test_odd_vectors_are_found_as_by_sorting(vectors, rough):
    matrix, queries = vectors(400, 16), torch.cat([vectors(400, 16)[::40], drawn(5, 10, 16), torch.zeros(1, 16)])
    found = nearest(queries, searchable(matrix, rough), 9, chunk=64)[1]
    assert torch.equal(found, sorted_places(queries, matrix, 9))


@pytest.mark.parametrize('vectors', ODD)
def test_no_rough_score_is_off_by_more_than_its_bound(vectors):
    matrix, queries = vectors(300, 24), torch.cat([vectors(300, 24)[::30], drawn(5, 10, 24)])
    for rough in (True, False):
        asked = RoughScores(queries, searchable(matrix, rough))
        scores, error = asked.of(0, 300)
        rough_scores = asked.offset[:, None] + asked.unit[:, None]*scores
        assert ((rough_scores - queries.double() @ matrix.double().T).abs() <= error[:, None]).all()


@pytest.mark.parametrize('seed', range(10))
def test_any_shape_any_chunk(seed):
    names, queries, hidden, k, chunk, batch = (int(n) for n in torch.randint(
        1, 80, (6,), generator=torch.Generator().manual_seed(seed)))
    matrix, asked = drawn(seed, names, hidden), drawn(seed + 100, queries, hidden)
    both = [nearest(asked, searchable(matrix, rough), k, chunk, batch) for rough in (True, False)]
    assert torch.equal(both[0][1], sorted_places(asked, matrix, k))
    assert torch.equal(both[0][0], both[1][0]) and torch.equal(both[0][1], both[1][1])


def test_a_matrix_as_it_is_and_one_that_is_prepared_give_the_same():
    matrix, queries = drawn(0, 3000, 32), drawn(1, 300, 32)
    prepared, as_it_is = nearest(queries, searchable(matrix), 5), nearest(queries[:20], matrix, 5)
    assert torch.equal(prepared[1][:20], as_it_is[1]) and torch.equal(prepared[0][:20], as_it_is[0])


def test_whole_numbers_never_leave_their_range():
    whole, step, lost = in_whole_numbers(torch.tensor([[1., -1.], [0., 0.], [1e-38, 0.]]))
    assert whole.abs().max() <= 127 and (step > 0).all()
    assert whole[1].tolist() == [0, 0] and lost.isfinite().all()


@pytest.mark.parametrize('number', [float('nan'), float('inf'), 1e30])
def test_what_is_no_number_is_refused(number):
    matrix, queries = drawn(0, 20, 4), drawn(1, 3, 4)
    for which, row in ((matrix, 7), (queries, 2)):
        kept, which[row, 1] = which[row, 1].item(), number
        what = 'names' if which is matrix else 'queries'
        with pytest.raises(CourseError, match=f'Row {row} of the {what} is no vector that can be compared'):
            nearest(queries, matrix, 2)
        which[row, 1] = kept


@pytest.mark.parametrize('queries, names, k, sentence', [
    (5, 0, 1, 'There are no vectors of names'),
    (5, 5, 0, 'k is 0; expected 1 or more'),
])
def test_nothing_to_search_is_an_error(queries, names, k, sentence):
    with pytest.raises(CourseError, match=sentence): nearest(drawn(0, queries, 4), drawn(1, names, 4), k)


def test_vectors_of_another_length_are_refused():
    with pytest.raises(CourseError, match='Queries have 5 numbers, names have 4'): nearest(drawn(0, 2, 5), drawn(1, 9, 4), 1)
