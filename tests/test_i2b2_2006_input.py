"""Odd and broken files of i2b2 2006: mended and counted, or refused in one sentence."""
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.i2b2_2006 import read_i2b2_2006, write_i2b2_2006
from clinbert_nb.ner import Document, Span


def deid(folder, inside, head='<ROOT>\n', name='"7"'):
    "A file with one record."
    path = folder/'deid.xml'
    text = f'{head}<RECORD ID={name}>\n<TEXT>\n{inside}\n</TEXT>\n</RECORD>\n</ROOT>\n'
    path.write_text(text, encoding='utf-8')
    return path


def spans_and_counts(path):
    (document,), counts = read_i2b2_2006(path)
    return [(s.type, document.text[s.start:s.end]) for s in document.spans], dict(counts)


NOTHING = {'record without a span': 1}


@pytest.mark.parametrize('inside, spans, counts', [
    ('a</PHI> b', [], {'closing tag without an opening one, left out': 1} | NOTHING),
    ('<PHI TYPE="ID"></PHI>', [], {'span with nothing in it, left out': 1} | NOTHING),
    ('<PHI TYPE="LOCATION">1 Rd\nFooton</PHI>', [('LOCATION', '1 Rd\nFooton')], {'span over a line break': 1}),
    ("<PHI TYPE='ID'>1</PHI>", [('ID', '1')], {}),
    ('no one', [], NOTHING),
])
def test_what_is_odd_is_counted(tmp_path, inside, spans, counts):
    assert spans_and_counts(deid(tmp_path, inside)) == (spans, counts)


def test_references_in_names_are_followed(tmp_path):
    inside = 'R&D, BP <90, &foo; &#0; <PHI TYPE="DOCTOR">O&apos;Foo &amp; &#66;ar</PHI>'
    kept = {'& that is no reference, kept': 3, '< that is no tag, kept': 1}
    assert spans_and_counts(deid(tmp_path, inside)) == ([('DOCTOR', "O'Foo & Bar")], kept)


def test_what_is_no_reference_or_tag_is_kept(tmp_path):
    (document,), _ = read_i2b2_2006(deid(tmp_path, 'R&D, BP <90, &foo; &lt;b&gt;'))
    assert document.text == '\nR&D, BP <90, &foo; <b>\n'


BOMB = '<!DOCTYPE ROOT [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<ROOT>\n'
FETCH = '<?xml version="1.0"?>\n<!DOCTYPE ROOT [<!ENTITY x SYSTEM "file:///etc/passwd">]><ROOT>'


@pytest.mark.parametrize('content, message', [
    (dict(inside='&b;', head=BOMB),
     'deid.xml, line 1 declares a DOCTYPE or an entity; .*never expanded or fetched'),
    (dict(inside='&x;', head=FETCH), 'line 2 declares a DOCTYPE'),
    (dict(inside='a\n<PHI TYPE="NURSE">Foo</PHI>'),
     "its line 3: unknown type 'xxxxx'; expected AGE, DATE"),
    (dict(inside='<PHI>Foo</PHI>'), 'its line 2: a PHI tag without TYPE'),
    (dict(inside='a', name='"7"><RECORD ID="8"'),
     'does not end; expected </RECORD> before the next'),
    (dict(inside='a</TEXT></RECORD><RECORD ID="7"><TEXT>'),
     'line 4, record 2: a record with this ID stands above it'),
    (dict(inside='</TEXT><TEXT>'), 'has not exactly one <TEXT>'),
])
def test_what_cannot_be_mended_is_refused(tmp_path, content, message):
    with pytest.raises(CourseError, match=message): read_i2b2_2006(deid(tmp_path, **content))


@pytest.mark.parametrize('change, message', [
    (lambda whole: whole + b'<RECORD ID="8"><TEXT>b',
     'line 8: a record that does not end, or has no ID; the file may be cut off'),
    (lambda whole: b'<ROOT></ROOT>', 'holds no record; expected <RECORD ID='),
    (lambda whole: whole + b'\xff', 'deid.xml, line 8 holds the byte 0xFF'),
    (lambda whole: b'', 'deid.xml is empty'),
], ids=['cut off', 'no record', 'bad byte', 'empty'])
def test_what_is_no_whole_file_is_refused(tmp_path, change, message):
    path = deid(tmp_path, 'a')
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CourseError, match=message): read_i2b2_2006(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CourseError, match='nowhere.xml does not exist'):
        read_i2b2_2006(tmp_path/'nowhere.xml')


def test_an_encoding_that_is_declared_is_read(tmp_path):
    path = deid(tmp_path, 'café')
    path.write_bytes(('<?xml version="1.0" encoding="latin-1"?>' + path.read_text()).encode('latin-1'))
    assert 'café' in read_i2b2_2006(path)[0][0].text


@pytest.mark.parametrize('documents, message', [
    ([Document('1', 'abcdefgh', (Span(0, 4, 'ID'), Span(2, 6, 'DATE')))],
     r'document 1: the span 2–6 \(DATE\) crosses another one'),
    ([Document('1', 'a\x01')], r'character 1 is U\+0001'),
    ([Document('1', 'a'), Document('1', 'b')], 'x.xml: two documents have the same name'),
    ([Document('1', 'a', (Span(0, 4, 'ID'),))], 'lies outside of the text'),
])
def test_what_the_format_cannot_hold_is_refused(tmp_path, documents, message):
    with pytest.raises(CourseError, match=message): write_i2b2_2006(documents, tmp_path/'x.xml')
    assert not list(tmp_path.iterdir())
