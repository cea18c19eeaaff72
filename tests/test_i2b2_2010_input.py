"""Odd and damaged files of i2b2 2010: each is read and reported, or refused in one sentence."""
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.i2b2_2010 import TEST, TRAIN, numbered_words, read_2010, read_concepts, write_concepts, write_sample
from clinbert_nb.ner import Document, Span

NOTE = 'chest pain\n He has a cough .\n'


def record(folder, con, text=NOTE, name='x'):
    "One note and its annotations."
    (folder/f'{name}.txt').write_text(text)
    (folder/f'{name}.con').write_text(con)


def read(folder, con, text=NOTE):
    "The words and types that are read from one record, and what is reported."
    record(folder, con, text)
    [document], noticed = read_concepts(folder)
    return [(text[s.start:s.end], s.type) for s in document.spans], noticed.what.tolist()


@pytest.mark.parametrize('con, text, spans, reported', [
    ('c="a cough" 2:3 2:4||t="Problem"\r\n\r\n', NOTE, [('a cough', 'problem')], ['a leading space counted']),
    ('c="b c" 1:2 1:3||t="test"', 'a  b c', [('b c', 'test')], ['counted differently: every space counts']),
    ('c="x||t="test"" 1:0 1:0||t="test"', 'x||t="test"', [('x||t="test"', 'test')], []),
    ('c="x||t="test"" 1:0 1:0||t="test"\r\n', 'x||t="test"\r\n', [('x||t="test"', 'test')], []),
    ('c="it&apos;s" 1:0 1:0||t="test"', "it's", [("it's", 'test')], []),
    ('', NOTE, [], []),
], ids=['capitals and line ends', 'every space', 'a concept in the words', 'line ends', 'XML', 'no concept'])
def test_odd_annotations_are_read(tmp_path, con, text, spans, reported):
    assert read(tmp_path, con, text) == (spans, reported)


def test_what_stands_twice_or_overlaps_is_reported(tmp_path):
    con = 'c="chest" 1:0 1:0||t="problem"\n'*2 + 'c="chest pain" 1:0 1:1||t="test"\n'
    spans, reported = read(tmp_path, con)
    assert spans == [('chest', 'problem'), ('chest pain', 'test')]
    assert reported == ['stands there twice', 'overlaps a longer one, so not in the labels']


def test_a_text_without_annotations_is_left_out_and_reported(tmp_path):
    record(tmp_path, '')
    (tmp_path/'y.txt').write_text('nobody annotated this')
    documents, noticed = read_concepts(tmp_path)
    assert [d.doc_id for d in documents] == ['x']
    assert noticed.values.tolist() == [['not annotated: no .con', 'y.txt']]


def test_hidden_files_are_not_read(tmp_path):
    record(tmp_path, '')
    (tmp_path/'._x.con').write_text('left by a Macintosh')
    assert len(read_concepts(tmp_path)[0]) == 1


def test_another_encoding_is_read_and_reported(tmp_path):
    record(tmp_path, '')
    (tmp_path/'x.txt').write_bytes('chest pain caf\xe9'.encode('cp1252'))
    [document], noticed = read_concepts(tmp_path)
    assert document.text.endswith('café')
    assert noticed.what.tolist() == ['not UTF-8, read as Windows-1252']


@pytest.mark.parametrize('con, message', [
    ('c="chest" 1:0||t="problem"', 'x.con, line 1 is no concept; expected c='),
    ('c="chest" 1:0 1:0||t="problem"||a="present"', 'x.con, line 1 is no concept'),
    ('\nc="chest" 1:0 1:0||t="disease"', "x.con, line 2 has the unknown type 'xxxxxxx'; expected problem, test, treatment"),
    (f'c="chest" 1:0 1:{"1"*5000}||t="problem"', 'x.con, line 1: the position is no whole number'),
    ('c="chest" 1:1 1:0||t="problem"', 'x.con, line 1: the annotation ends before it begins'),
    ('c="chest" 2:1 1:0||t="problem"', 'x.con, line 1: the annotation ends before it begins'),
    ('c="chest" 1:0 1:2||t="problem"', 'x.con, line 1: there is no token 1:0 or 1:2 in the text'),
    ('c="chest" 9:0 9:0||t="problem"', 'x.con, line 1: there is no token 9:0'),
    ('c="chest" 0:0 0:9||t="problem"', 'x.con, line 1: there is no token 0:0 or 0:9'),
], ids=['a position', 'a field more', 'type', 'number', 'last before first', 'line before', 'token', 'line', 'line 0'])
def test_what_is_no_annotation_is_refused_with_its_place(tmp_path, con, message):
    with pytest.raises(CourseError, match=message): read(tmp_path, con)


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(CourseError, match='empty folder; expected a folder of .txt and .con'): read_concepts(tmp_path)
    (tmp_path/'b.txt').write_text('text')
    with pytest.raises(CourseError, match='no .con file in'): read_concepts(tmp_path)


def test_annotations_without_their_text_are_refused(tmp_path):
    (tmp_path/'a.con').write_text('')
    (tmp_path/'b.txt').write_text('text')
    with pytest.raises(CourseError, match=r'a.con has no a.txt \(so 1 of 1 .con files\)'): read_concepts(tmp_path)


@pytest.fixture
def hospitals(tmp_path):
    "Two folders with the same record."
    for name in ('beth', 'partners'):
        (tmp_path/name).mkdir()
        record(tmp_path/name, '', name='same')
    return tmp_path/'beth', tmp_path/'partners'


def test_copies_of_a_record_count_once(hospitals):
    assert len(read_concepts(*hospitals)[0]) == 1


def test_two_different_records_of_one_name_are_refused(hospitals):
    (hospitals[1]/'same.txt').write_text('another note')
    message = 'two different files same.txt: in .*beth and in .*partners'
    with pytest.raises(CourseError, match=message): read_concepts(*hospitals)


def test_the_three_folders_must_be_there(tmp_path):
    write_sample(tmp_path/TRAIN[0])
    message = 'reference_standard_for_test_data does not exist; expected a folder of the i2b2 2010 release'
    with pytest.raises(CourseError, match=message): read_2010(tmp_path)


def test_a_record_in_training_and_in_test_is_refused(tmp_path):
    for name in (*TRAIN, *TEST): write_sample(tmp_path/name)
    with pytest.raises(CourseError, match='record-1 is in training and in test'): read_2010(tmp_path)


@pytest.mark.parametrize('span, message', [
    (Span(1, 2, 'test'), 'd: the span 1–2 has no token'),
    (Span(0, 1, 'PROBLEM'), "type 'xxxxxxx'; expected problem"),
], ids=['a space', 'type'])
def test_what_a_con_file_cannot_say_is_refused(tmp_path, span, message):
    with pytest.raises(CourseError, match=message): write_concepts([Document('d', 'a b', (span,))], tmp_path)


@pytest.mark.parametrize('id', ['../d', '', 'a/b'])
def test_an_id_that_is_no_name_of_a_file_is_refused(tmp_path, id):
    with pytest.raises(CourseError, match='The id of a document'): write_concepts([Document(id, 'a', ())], tmp_path)


@pytest.mark.parametrize('line, numbers', [
    ('a\tb \tc\t', {0: (0, 3), 1: (5, 6)}),
    ('  \t ', {}),
    ('', {}),
], ids=['tabs', 'white space', 'empty'])
def test_white_space_at_the_ends_of_a_word_is_no_part_of_it(line, numbers):
    assert numbered_words(line, 'spaces do not count') == numbers
