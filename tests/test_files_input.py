"""Odd and damaged files: each is read, or refused in one sentence."""
import gzip

import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.files import csv_rows, json_value, named, read_text, whole_number, xml_root, xml_text


def test_a_byte_in_an_archive_is_named_with_its_line(tmp_path):
    (tmp_path/'a.txt.gz').write_bytes(gzip.compress(b'\xcb\n'))
    with pytest.raises(CourseError, match='^a.txt.gz, line 1 holds the byte 0xCB'): read_text(tmp_path/'a.txt.gz')


def test_another_encoding_is_tolerated_where_somebody_is_told(tmp_path):
    told = []
    (tmp_path/'a.txt').write_bytes(b'caf\xe9')
    assert read_text(tmp_path/'a.txt', tell=told.append) == 'café'
    assert told == ['not UTF-8, read as Windows-1252']


WHOLE = gzip.compress(b''.join(b'%d\n' % i**9 for i in range(30_000)))


def test_a_damaged_archive_says_after_which_line(tmp_path):
    (tmp_path/'a.gz').write_bytes(WHOLE[:-5000])
    with pytest.raises(CourseError, match='damaged or cut off after line [1-9]'): read_text(tmp_path/'a.gz')


@pytest.mark.parametrize('data', [WHOLE[:2], b'no archive', WHOLE[:30] + b'\xff\xff\xff' + WHOLE[33:]])
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path/'a.gz').write_bytes(data)
    message = 'a.gz is no whole gzip file: it is damaged or cut off after line'
    with pytest.raises(CourseError, match=message): read_text(tmp_path/'a.gz')


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(CourseError, match='cannot be read: Is a directory'): read_text(tmp_path)
    with pytest.raises(CourseError, match='nowhere.txt cannot be read: No such file'): read_text(tmp_path/'nowhere.txt')


@pytest.mark.parametrize('cells, fault', [
    ('"a', 'perhaps a quote is never closed'),
    ('"' + 'a'*200_000, 'perhaps a quote is never closed'),
    ('"a"b,c', 'a quote inside of a cell must be written twice'),
    ('a\rb', 'it holds a line end'),
], ids=['open quote', 'long cell', 'single quote', 'line end'])
def test_a_row_that_cannot_be_read_is_named(tmp_path, cells, fault):
    (tmp_path/'t.csv').write_bytes(f'x,y\n{cells}\n'.encode())
    message = f't.csv: the row that begins in line 2 cannot be read: {fault}'
    with pytest.raises(CourseError, match=message): list(csv_rows(tmp_path/'t.csv'))


def test_spaces_around_a_number_are_ignored():
    assert whole_number(' 42\x1f\n', 'a') == 42


@pytest.mark.parametrize('text', ['', '²', '٣', '1.5', '1e3', '1_000', '-1', '+1', '0x1', '1 2', '9'*16, '1'*5000])
def test_what_is_no_whole_number_is_refused(text):
    message = '^a, line 1: the length is no whole number; expected 1 to 15 digits'
    with pytest.raises(CourseError, match=message): whole_number(text, 'a, line 1', 'length')


@pytest.mark.parametrize('text, message', [
    ('{"a": Foo}', 'a.json is no JSON: line 1, Expecting value'),
    ('['*100_000, 'a.json is nested too deeply to be read'),
    ('[' + '1'*5000 + ']', 'a.json holds a number with too many digits'),
    (r'["\ud83e"]', 'a.json holds half of a character'),
], ids=['no JSON', 'deep', 'long number', 'half a character'])
def test_json_that_cannot_be_used_is_refused(text, message):
    with pytest.raises(CourseError, match=f'^{message}') as e: json_value(text, 'a.json')
    assert 'Foo' not in str(e.value)


CODECS = ['UTF-0', 'undefined', 'punycode', 'mbcs', 'idna', 'shift_jis', 'utf-7', 'unicode_escape', 'hex', 'utf-16', 'é', '']


@pytest.mark.parametrize('codec', CODECS)
def test_an_encoding_that_is_not_read_is_named(tmp_path, codec):
    (tmp_path/'a.xml').write_text(f'<?xml version="1.0" encoding="{codec}"?><a>b</a>', encoding='utf-8')
    message = '^a.xml declares an encoding that is not read here; expected UTF-8'
    with pytest.raises(CourseError, match=message): xml_text(tmp_path/'a.xml')


def test_a_byte_order_mark_is_no_part_of_xml(tmp_path):
    (tmp_path/'a.xml').write_bytes('<a>café\r\n</a>'.encode('utf-8-sig'))
    assert xml_root(xml_text(tmp_path/'a.xml'), 'a.xml').text == 'café\n'


@pytest.mark.parametrize('data, message', [
    (b'<?xml version="1.0" encoding="ascii"?>\n<a>caf\xe9</a>', 'a.xml, line 2 is not in the encoding that the file declares; expected ascii'),
    (b'<a>\ncaf\xe9</a>', 'a.xml, line 2 holds the byte 0xE9'),
])
def test_a_byte_that_does_not_fit_the_encoding_is_named(tmp_path, data, message):
    (tmp_path/'a.xml').write_bytes(data)
    with pytest.raises(CourseError, match=message): xml_text(tmp_path/'a.xml')


@pytest.mark.parametrize('bare', [False, True])
@pytest.mark.parametrize('declaration', [
    '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]>',
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE a SYSTEM "a" [ ]>',
    '<!-- <a> --><!DOCTYPE a [ ]>',
])
def test_declarations_are_refused(tmp_path, declaration, bare):
    (tmp_path/'a.xml').write_text(f'<?xml version="1.0"?>\n{declaration}<a>&b;</a>')
    message = 'a.xml, line 2 declares a DOCTYPE or an entity'
    with pytest.raises(CourseError, match=message): xml_text(tmp_path/'a.xml', bare_doctype=bare)


def test_a_document_type_without_declarations_is_taken_out_where_allowed(tmp_path):
    told = []
    (tmp_path/'a.xml').write_text('<!DOCTYPE a\n SYSTEM "a.dtd">\n<a>b</a>')
    assert xml_text(tmp_path/'a.xml', told.append, bare_doctype=True).split('\n')[2] == '<a>b</a>'
    assert told == ['document type taken out, nothing fetched']
    with pytest.raises(CourseError, match='line 1 declares'): xml_text(tmp_path/'a.xml')


@pytest.mark.parametrize('id, name', [
    ('E12', 'E12'),
    ('6789', '6789'),
    ('Foo', 'number 3'),
    ('Foo 12', 'number 3'),
    (None, 'number 3'),
])
def test_a_record_is_named_by_a_code_or_its_number(id, name):
    assert named(id, 3) == name
