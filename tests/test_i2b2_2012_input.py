"""Odd files of i2b2 2012: what is corrected, what is reported, and what is refused in one sentence with its place."""
import time

import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.i2b2_2012 import (
    TEST, TRAIN, ensure_2012, read_2012, read_events, repaired, write_events, write_sample)
from clinbert_nb.ner import Document, Span

NOTE = '\nShe has a cough .\n'
SHIFTED = 'all positions one character too {}, corrected'
BOMB = '<!DOCTYPE A [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


def event(start, end, text, type='PROBLEM'):
    return f'<EVENT id="E{start}" start="{start}" end="{end}" text="{text}" type="{type}" />'


def write_xml(folder, tags, text=NOTE, before=''):
    body = f'<TEXT><![CDATA[{text}]]></TEXT>\n<TAGS>\n{tags}\n</TAGS>'
    (folder/'7.xml').write_text(f'<?xml version="1.0" encoding="UTF-8" ?>{before}\n<A>\n{body}\n</A>\n', encoding='utf-8')
    return folder


def read(folder, tags, **options):
    "Words and types of the events of a file with these tags, and what was noticed."
    (document,), told = read_events(write_xml(folder, tags, **options))
    return [(document.text[s.start:s.end], s.type) for s in document.spans], told.what.tolist()


def test_case_of_a_type_does_not_matter(tmp_path):
    assert read(tmp_path, event(9, 16, 'a cough', 'problem')) == ([('a cough', 'PROBLEM')], [])


def test_a_note_without_events_is_a_note(tmp_path):
    assert read(tmp_path, '') == ([], [])


# Positions

BOTH_HIGH = event(10, 17, 'a cough') + '\n' + event(2, 5, 'She', 'OCCURRENCE')


def test_positions_one_too_high_are_corrected_for_the_whole_file(tmp_path):
    expected = [('She', 'OCCURRENCE'), ('a cough', 'PROBLEM')]
    assert read(tmp_path, BOTH_HIGH) == (expected, [SHIFTED.format('high')])


def test_positions_one_too_low_are_corrected(tmp_path):
    assert read(tmp_path, event(8, 15, 'a cough'))[1] == [SHIFTED.format('low')]


def test_positions_are_not_corrected_if_one_event_is_elsewhere(tmp_path):
    with pytest.raises(CourseError, match='E10: other words stand at this position, as for 2 of the 3'):
        read(tmp_path, BOTH_HIGH + event(5, 8, 'has'))


def test_one_event_that_is_off_is_reported_and_stays(tmp_path):
    tags = event(9, 16, 'a cough') + event(1, 4, 'She', 'OCCURRENCE') + event(6, 9, 'has', 'OCCURRENCE')
    words = [('She', 'OCCURRENCE'), ('as ', 'OCCURRENCE'), ('a cough', 'PROBLEM')]
    assert read(tmp_path, tags) == (words, ['other words at the position'])


def test_events_that_overlap_are_kept_and_reported(tmp_path):
    tags = event(9, 16, 'a cough') + event(11, 16, 'cough', 'TEST')
    words = [('a cough', 'PROBLEM'), ('cough', 'TEST')]
    assert read(tmp_path, tags) == (words, ['overlaps a longer one, so not in the labels'])


@pytest.mark.parametrize('tags, message', [
    (event(9, 16, 'a cough', 'DISEASE'), "7.xml, EVENT E9 has the unknown type 'xxxxxxx'; expected PROBLEM, TEST"),
    (event(16, 9, 'a cough'), 'E16 ends before it begins'),
    (event(9, 9, ''), 'ends before it begins'),
    (event(9, 99, 'a cough'), 'E9 lies outside of the text, which has 19 characters'),
    (event(-2, 3, 'x'), 'outside of the text'),
    (event('_', 3, 'x'), 'EVENT number 1: the start is no whole number'),
    (event('1'*5000, 3, 'x'), 'EVENT number 1: the start is no whole number'),
    (event(5, 8, 'fever'), 'E5: other words stand at this position, as for 1 of the 1 events'),
    ('<EVENT id="E1" start="1">', '7.xml is no XML: line'),
])
def test_what_cannot_be_read_is_an_error_with_its_place(tmp_path, tags, message):
    with pytest.raises(CourseError, match=message): read(tmp_path, tags)


# Files that are not XML

def test_signs_that_xml_forbids_are_repaired(tmp_path):
    text = '\nR&D "cold" <b> \x0c&amp; &apos;x'
    words = {(1, 4): 'R&D', (5, 11): '"cold"', (12, 15): '<b>', (17, 22): '&amp;', (23, 30): '&apos;x'}
    tags = '\n'.join(event(start, end, word) for (start, end), word in words.items())
    found, told = read(tmp_path, tags, text=text)
    assert [word for word, _ in found] == list(words.values())
    assert told == ['no XML, repaired']


def test_a_file_without_tags_is_refused(tmp_path):
    (tmp_path/'7.xml').write_text('<A><TEXT>no tags</TEXT></A>')
    with pytest.raises(CourseError, match='7.xml has no TEXT or no TAGS'): read_events(tmp_path)


def test_a_long_word_in_a_tag_is_passed_quickly():
    begun = time.perf_counter()
    assert repaired('<EVENT ' + 'a'*20_000 + ' id="1" />') == '<EVENT id="1" />'
    assert time.perf_counter() - begun < 5   # 25 seconds where each of its letters may begin a name


@pytest.mark.parametrize('before', [
    BOMB,
    '<!DOCTYPE A [<!ENTITY a SYSTEM "file:///{folder}/secret.txt">]>',
    '<!-- <A> --><!DOCTYPE A SYSTEM "http://localhost/x.dtd">',
    f'\x01{BOMB}',   # what is repaired is looked at again
])
def test_entities_are_refused(tmp_path, before):
    (tmp_path/'secret.txt').write_text('SECRET')
    with pytest.raises(CourseError, match='7.xml, line 1 declares a DOCTYPE'):
        read(tmp_path, '', before=before.replace('{folder}', str(tmp_path).lstrip('/')))


@pytest.mark.parametrize('before', [BOMB, '<!DOCTYPE A SYSTEM "x">'])
def test_the_refusal_names_doctype_and_entity(tmp_path, before):
    with pytest.raises(CourseError, match='7.xml, line 1 declares a DOCTYPE or an entity'):
        read(tmp_path, '', before=before)


def test_a_doctype_in_the_text_is_text(tmp_path):
    found, _ = read(tmp_path, event(1, 10, '<!DOCTYPE'), text='\n<!DOCTYPE is only text here')
    assert found == [('<!DOCTYPE', 'PROBLEM')]


def test_an_entity_that_nobody_defined_is_refused(tmp_path):
    with pytest.raises(CourseError, match='7.xml is no XML: line [0-9]+, undefined entity'): read(tmp_path, '&a;')


# The other form

@pytest.fixture
def extent(tmp_path):
    "Reads a note whose `.extent` file has these lines."
    (tmp_path/'7.xml.txt').write_text(NOTE)
    def read_lines(*lines):
        (tmp_path/'7.xml.extent').write_text(''.join(f'{line}\n' for line in lines))
        return read_events(tmp_path, form='extent')
    return read_lines


def test_extents_are_read_and_what_is_not_used_is_reported(extent):
    documents, told = extent(
        'EVENT="a cough" 2:2 2:3||type="PROBLEM"||modality="FACTUAL"||polarity="POS"||sec_time_rel="OVERLAP"',
        'TIMEX3="now" 2:0 2:0||type="DATE"||val="x"||mod="NA"',
        'EVENT="She" 2:0 2:0||type=""')
    assert documents == [Document('7', NOTE, (Span(9, 16, 'PROBLEM'),))]
    assert sorted(told.what) == ['TIMEX3 not used', 'skipped, as it has no type']


@pytest.mark.parametrize('line, message', [
    ('EVENT="a cough" 2:2||type="TEST"', '7.xml.extent, line 1 is no extent; expected EVENT='),
    ('EVENT="a cough" 2:2 2:3||type="DATE"', "unknown type 'xxxx'"),
    (f'EVENT="a" 2:2 2:{"1"*5000}||type="TEST"', 'line 1: the position is no whole number'),
    ('EVENT="a cough" 2:3 2:2||type="TEST"', 'ends before it begins'),
    ('EVENT="a cough" 2:2 2:9||type="TEST"', 'no token 2:2 or 2:9'),
])
def test_a_line_that_is_no_extent_is_refused(extent, line, message):
    with pytest.raises(CourseError, match=message): extent(line)


def test_an_extent_file_without_its_text_is_refused(extent, tmp_path):
    extent('EVENT="a cough" 2:2 2:3||type="TEST"')
    (tmp_path/'7.xml.txt').rename(tmp_path/'8.xml.txt')
    with pytest.raises(CourseError, match='7.xml.extent has no 7.xml.txt'): read_events(tmp_path, form='extent')


def test_a_text_without_extents_is_reported(extent, tmp_path):
    (tmp_path/'8.xml.txt').write_text(NOTE)
    _, told = extent('EVENT="a cough" 2:2 2:3||type="TEST"')
    assert told.what.tolist() == ['not annotated: no .extent']


@pytest.mark.parametrize('form, message', [('xml', 'no .xml file in'), ('csv', "Unknown form 'csv'")])
def test_a_folder_or_form_that_is_not_there_is_refused(tmp_path, form, message):
    (tmp_path/'7.txt').write_text(NOTE)
    with pytest.raises(CourseError, match=message): read_events(tmp_path, form=form)


# Writing

@pytest.mark.parametrize('document, message', [
    (Document('d', 'a', (Span(0, 1, 'problem'),)), "type 'xxxxxxx'; expected PROBLEM"),
    (Document('d', 'a\x0c'), 'd has a character at 1 that XML does not know'),
])
def test_what_the_format_does_not_know_is_refused(tmp_path, document, message):
    with pytest.raises(CourseError, match=message): write_events([document], tmp_path)


def test_a_part_of_a_token_is_widened_and_counted(tmp_path):
    assert write_events([Document('d', 'Give 2.5mg', (Span(5, 8, 'TREATMENT'),))], tmp_path, 'extent') == 1
    assert read_events(tmp_path, form='extent')[0] == [Document('d', 'Give 2.5mg', (Span(5, 10, 'TREATMENT'),))]


def test_an_extent_has_the_fields_of_the_scorer(tmp_path):
    write_events([Document('d', 'CT done', (Span(0, 2, 'TEST'),))], tmp_path, 'extent')
    line = 'EVENT="CT" 1:0 1:0||type="TEST"||modality="FACTUAL"||polarity="POS"\n'
    assert (tmp_path/'d.xml.extent').read_text() == line


# The release

def test_the_test_notes_must_be_there(tmp_path):
    write_sample(tmp_path/TRAIN)
    with pytest.raises(CourseError, match='event-timex-groundtruth/xml does not exist; expected the test notes of i2b2 2012'):
        read_2012(tmp_path)


def test_a_note_in_training_and_in_test_is_refused(tmp_path):
    write_sample(tmp_path/TRAIN)
    write_sample(tmp_path/TEST[1])
    with pytest.raises(CourseError, match='1 is in training and in test'): read_2012(tmp_path)


def test_the_hospitals_notes_begin_with_a_line_break_and_have_events(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path))
    parts, _ = read_2012(ensure_2012(8, 0))
    assert all(d.text.startswith('\n') and d.spans for d in parts['train'])
