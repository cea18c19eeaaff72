"""Parameters of a wrong type, range or spelling: each is refused in one sentence."""
import pytest
from papermill.translators import PythonTranslator

from clinbert_nb.core import CourseError
from clinbert_nb.parameters import check_parameters, is_a, read_as

CELL = '''
seed: int = 0  # start of every random number; 0 or more
models: list[str] = ["BERT"]  # names; the first is the baseline
rates: list[float] = [1e-3]  # grid; above 0, at most 1
synonyms: dict[str, float] = {"steps": 100}  # of 11e; {}: none; above 0
split: str = "by_note"  # how dev is cut off; one of by_note, paper
profile: str = "demo"  # name of the folder under results/ that this run writes to; a plain name
'''


def checked(**given):
    "The table, and what a kernel holds after it ran a parameters cell and one that papermill injected."
    cells, namespace = [CELL, PythonTranslator.codify(given)], {}
    for source in cells: exec(source, namespace)
    namespace['_ih'] = ['', *cells]
    return check_parameters(namespace), namespace


@pytest.mark.parametrize('text, kind', [
    ('[BERT]', list[str]),
    ('["BERT"', list[str]),
    ('', list[str]),
    ('[1, "a"]', list[int]),
    ('three', int),
    ('3.5', int),
    ('TEXT', dict[str, str]),
    ('['*100_000, list[int]),
], ids=['bare word', 'cut off', 'empty', 'mixed', 'word', 'fraction', 'no dictionary', 'deep'])
def test_a_text_that_is_no_such_value_stays_what_it_is(text, kind):
    assert read_as(text, kind) == text and not is_a(text, kind)


@pytest.mark.parametrize('given, message', [
    (dict(sede=3), "Unknown parameter 'sede': this notebook knows seed, models"),
    (dict(seed='three'), "'seed' must be int, not 'three'"),
    (dict(seed=-1), "'seed' must be 0 or more, not -1"),
    (dict(seed=10**30), "'seed' must be a number below 2\\*\\*32"),
    (dict(rates=[1e-3, 0.]), r"'rates' must be above 0, at most 1, not \[0.001, 0.0\]"),
    (dict(rates=[float('inf')]), "'rates' must be a finite number"),
    (dict(rates=[float('nan')]), "'rates' must be a finite number"),
    (dict(rates=[]), "'rates' must be something that is not empty"),
    (dict(synonyms={'steps': 0}), "'synonyms' must be above 0"),
    (dict(split='by_line'), "'split' must be one of by_note, paper, not 'by_line'"),
    (dict(profile='../../evil'), "'profile' must be a plain name, not '../../evil'"),
    (dict(profile=2024), 'as text: -r profile'),
    (dict(models='[Clinical]'), r"""not '\[Clinical\]' \(str\): names; .* \(with papermill: -y 'models: \["BERT"\]'\)"""),
])
def test_a_wrong_value_is_refused(given, message):
    with pytest.raises(CourseError, match=message): checked(**given)


def test_a_dictionary_may_be_empty_if_its_meaning_says_so():
    assert checked(synonyms={})[0].loc['synonyms', 'value'] == {}


def test_a_list_given_as_text_replaces_the_text():
    _, namespace = checked(models='["Clinical"]', rates=.5)
    assert namespace['models'] == ['Clinical'] and namespace['rates'] == [.5]
    check_parameters(namespace)   # the cell may be run again


def test_the_table_shows_meanings_whole():
    table, meaning = checked()[0], 'name of the folder under results/ that this run writes to; a plain name'
    assert meaning in table._repr_html_() and meaning in repr(table)
    assert table._repr_html_() == checked()[0]._repr_html_()
