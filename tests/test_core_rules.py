"""What core promises to users, beyond the examples of its notebook."""
import os
import subprocess
import sys

import pytest

from clinbert_nb.core import CourseError, checkout, ensure, plain_name, read_profile, results_folder


def error_of(code, **environment):
    "What Python says about an error in a script."
    code = f'from clinbert_nb.core import CourseError\n{code}'
    return subprocess.run([sys.executable, '-c', code], env=os.environ | environment, capture_output=True, text=True).stderr


def test_a_script_says_the_sentence_alone():
    assert error_of("raise CourseError('No notes.')") == 'CourseError: No notes.\n'
    assert 'Traceback' in error_of("raise ValueError('No notes.')")


def test_the_traceback_comes_when_it_is_asked_for():
    error = error_of("raise CourseError('No notes.')", CLINBERT_TRACEBACK='1')
    assert error.startswith('Traceback') and error.endswith('CourseError: No notes.\n')


def test_a_notebook_shows_the_sentence_alone():
    import nbformat
    from nbclient import NotebookClient
    cells = ['from clinbert_nb.core import CourseError', 'raise CourseError("No notes.")']
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(book, kernel_name='python3', allow_errors=True).execute()
    assert book.cells[1].outputs[0].traceback == ['CourseError: No notes.']


def test_what_was_made_is_not_made_again(tmp_path):
    for text in '12': ensure(tmp_path/'thing', lambda folder: (folder/'a').write_text(text))
    assert (tmp_path/'thing/a').read_text() == '1'


@pytest.mark.parametrize('name', [
    'Bio+Clinical',
    'i2b2_2006-60-0',
    '101-01',
    'note 7',
    'Müller',
    '1_9',
    'BERT=2',
])
def test_plain_names_are_taken(name):
    assert plain_name(name, 'The model') == name


@pytest.mark.parametrize('name', [
    '../../evil',
    '..',
    '.',
    'a/b',
    'a\\b',
    'C:',
    '.hidden',
    '',
    ' ',
    'a\nb',
    'a\0b',
    'a\u202eb',
    '\ud800',
    'ä'*101,
])
def test_other_names_are_refused(name):
    refused = '^The model cannot be the name of a file or folder: it [a-z .0-9/\\\\:]*$'
    with pytest.raises(CourseError, match=refused): plain_name(name, 'The model')


def test_a_folder_of_results_is_below_their_root(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    assert results_folder('demo', 'models', 'BERT') == tmp_path/'demo/models/BERT'


OPEN = 'steps:\n  a: {parameters: {corpora: {notes: $CLINBERT_OPEN_DATA/n.csv}, price: 5$}}\n'


def corpora_of(folder):
    (folder/'open.yaml').write_text(OPEN)
    return read_profile(folder/'open.yaml')['a']['parameters']


def test_a_variable_of_a_profile_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_OPEN_DATA', '/elsewhere')
    assert corpora_of(tmp_path) == dict(profile='open', corpora=dict(notes='/elsewhere/n.csv'), price='5$')


@pytest.mark.skipif(not checkout(), reason='installed from a wheel')
def test_open_data_are_beside_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv('CLINBERT_OPEN_DATA', raising=False)
    assert corpora_of(tmp_path)['corpora']['notes'] == f"{checkout().parent/'shared/data'}/n.csv"


def test_a_variable_that_is_not_set_is_an_error(tmp_path, monkeypatch):
    monkeypatch.delenv('NOWHERE', raising=False)
    (tmp_path/'open.yaml').write_text('steps:\n  a: {parameters: {family: {Bio: [$NOWHERE, text]}}}\n')
    message = r"step 'a' uses \$NOWHERE, which is not set; set it with: export NOWHERE="
    with pytest.raises(CourseError, match=message): read_profile(tmp_path/'open.yaml')
