"""Odd and broken files of i2b2 2014, Presidio and MTSamples: mended and counted, or refused in one sentence."""
import csv
import json

import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.files import is_shareable
from clinbert_nb.i2b2_2014 import ensure_mtsamples, read_corpus, read_i2b2_2014, read_presidio, write_i2b2_2014
from clinbert_nb.ner import Document

TEXT = '\nRecord date: 2099-01-01\nDr. Foo saw R&amp;D of\nBar.\n'
HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n'


def note(folder, tags, name='180-03.xml', head=HEAD):
    "A folder with a note; its annotations are in line 9."
    content = f'{head}<deIdi2b2>\n<TEXT><![CDATA[{TEXT}]]></TEXT>\n<TAGS>\n{tags}\n</TAGS>\n</deIdi2b2>\n'
    (folder/name).write_text(content, encoding='utf-8')
    return folder


def tag(start, end, words, kind='DOCTOR', **others):
    attributes = dict(id='P0', start=start, end=end, text=words, TYPE=kind, comment='') | others
    return '<NAME ' + ' '.join(f'{k}="{v}"' for k, v in attributes.items() if v is not None) + ' />'


def spans_and_counts(folder, *tags, **options):
    (d,), counts = read_i2b2_2014(note(folder, '\n'.join(tags)), **options)
    return [(s.type, d.text[s.start:s.end]) for s in d.spans], dict(counts)


@pytest.mark.parametrize('tags, spans, counts', [
    ([tag(29, 32, 'Foo'), tag(25, 32, 'Dr. Foo', 'PATIENT')],
     [('PATIENT', 'Dr. Foo'), ('DOCTOR', 'Foo')], {'span that overlaps another': 1}),
    ([tag(29, 32, 'Foo'), tag(29, 32, 'Foo', id='P1')],
     [('DOCTOR', 'Foo')], {'annotated twice alike, kept once': 1}),
    ([tag(29, 32, None)], [('DOCTOR', 'Foo')], {'annotation without its words, not checked': 1}),
    ([], [], {'document without a span': 1}),
], ids=['overlap', 'twice', 'no words', 'nothing'])
def test_what_is_odd_is_counted(tmp_path, tags, spans, counts):
    assert spans_and_counts(tmp_path, *tags) == (spans, counts)


def test_what_is_not_in_its_text_is_left_out_on_demand(tmp_path, capsys):
    counts = {'annotation that is not in its text, left out': 1, 'document without a span': 1}
    assert spans_and_counts(tmp_path, tag(29, 32, 'Zzz'), strict=False) == ([], counts)
    printed = capsys.readouterr().out
    assert '180-03.xml, line 9' in printed and 'Zzz' not in printed


BOMB = '<!DOCTYPE d [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>\n'
FETCH = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'


@pytest.mark.parametrize('content, message', [
    (dict(tags=tag(29, 32, 'Zzz')),
     r'^180-03.xml, line 9: its 3 characters of text do not stand at 29–32 or up to 20 characters away; mend the file'),
    (dict(tags=tag(32, 29, 'Foo')), 'end 29 is not after start 32'),
    (dict(tags=tag(29, 29, '')), 'end 29 is not after start 29'),
    (dict(tags=tag(29, 3200, 'Foo but longer')), 'do not stand at 29–3200'),
    (dict(tags=tag(2900, 2903, 'Foo')), 'do not stand at'),
    (dict(tags=tag('a', 32, 'Foo')), 'line 9: the start is no whole number'),
    (dict(tags=tag(29, '1'*5000, 'Foo')), 'line 9: the end is no whole number'),
    (dict(tags=tag(None, 32, 'Foo')), "has no 'start'"),
    (dict(tags=tag(29, 32, 'Foo', 'NURSE')),
     "line 9: unknown type 'xxxxx'; expected one of PATIENT, DOCTOR"),
    (dict(tags=tag(29, 32, 'Foo', None)), "has no 'TYPE'"),
    (dict(tags='<NAME start="1"'), 'is no XML: line 10, '),
    (dict(tags='</TAGS><TEXT>a</TEXT><TAGS>'), 'has 2 <TEXT>; expected one'),
    (dict(tags='', head=BOMB), 'line 1 declares a DOCTYPE'),
    (dict(tags='', head=FETCH), 'never expanded or fetched'),
])
def test_what_cannot_be_mended_is_refused(tmp_path, content, message):
    with pytest.raises(CourseError, match=message): read_i2b2_2014(note(tmp_path, **content))


def test_a_file_without_text_is_refused(tmp_path):
    (tmp_path/'180-03.xml').write_text('<deIdi2b2><TAGS/></deIdi2b2>')
    with pytest.raises(CourseError, match='180-03.xml has no <TEXT>'): read_i2b2_2014(tmp_path)


def test_a_folder_without_files_is_refused(tmp_path):
    (tmp_path/'note.txt').write_text('a')
    with pytest.raises(CourseError, match='holds no .xml file'): read_i2b2_2014(tmp_path)


@pytest.fixture
def sets(tmp_path):
    for name in ('set1/180-01', 'set2/180-02', 'set2/181-01', 'set3/180-01'):
        folder, file = name.split('/')
        (tmp_path/folder).mkdir(exist_ok=True)
        note(tmp_path/folder, '', name=f'{file}.xml')
    return tmp_path


def test_two_sets_are_one_corpus_with_patients(sets):
    documents, _ = read_i2b2_2014([sets/'set1', sets/'set2'])
    assert [(d.doc_id, d.group) for d in documents] == [('180-01', '180'), ('180-02', '180'), ('181-01', '181')]


@pytest.mark.parametrize('names, message', [
    (['set1', 'set3'], '180-01.xml is there twice'),
    (['set4'], 'does not exist'),
])
def test_sets_that_do_not_fit_are_refused(sets, names, message):
    with pytest.raises(CourseError, match=message): read_i2b2_2014([sets/name for name in names])


@pytest.mark.parametrize('documents, message', [
    ([Document('1-1', 'a\x00')], r'document 1-1: character 1 is U\+0000'),
    ([Document('../1', 'a')], 'The id of a document cannot be the name of a file'),
    ([Document('1', 'a')]*2, 'two documents have the same name'),
])
def test_what_a_file_cannot_hold_is_refused(tmp_path, documents, message):
    with pytest.raises(CourseError, match=message): write_i2b2_2014(documents, tmp_path/'x')
    assert not (tmp_path/'x').exists()


# Presidio

def presidio(folder, *spans, text='Mr. Foo lives in Footon'):
    record = dict(full_text=text, spans=list(spans), template_id=7)
    (folder/'p.json').write_text(json.dumps([record]))
    return folder/'p.json'


def entity(kind, start, end, value):
    return dict(entity_type=kind, entity_value=value, start_position=start, end_position=end)


def test_presidio_has_the_types_of_2014(tmp_path):
    entities = [entity('PERSON', 4, 7, 'Foo'), entity('GPE', 17, 23, 'Footon'), entity('TITLE', 0, 3, 'Mr.')]
    (d,), counts = read_presidio(presidio(tmp_path, *entities))
    assert [(s.type, d.text[s.start:s.end]) for s in d.spans] == [('PATIENT', 'Foo'), ('LOCATION-OTHER', 'Footon')]
    assert (d.doc_id, d.group, dict(counts)) == ('p-0', 'template 7', {'TITLE, left out': 1})


@pytest.mark.parametrize('span, message', [
    (entity('SHOE', 4, 7, 'Foo'), "p.json, record 0: unknown type 'xxxx'"),
    (entity('PERSON', 5, 8, 'Foo'), 'record 0: the text of a PERSON does not stand at its place'),
])
def test_spans_that_do_not_fit_are_refused(tmp_path, span, message):
    with pytest.raises(CourseError, match=message): read_presidio(presidio(tmp_path, span))


@pytest.mark.parametrize('field, value', [
    ('entity_type', None),
    ('entity_value', 7),
    ('start_position', '4'),
    ('start_position', 4.0),
    ('end_position', True),
    ('end_position', [7]),
])
def test_a_field_that_is_missing_or_of_another_kind_is_named(tmp_path, field, value):
    path = presidio(tmp_path, entity('PERSON', 4, 7, 'Foo') | {field: value}, text='Mr. Foo')
    message = f"p.json, record 0: a span has no '{field}' or one of another kind"
    with pytest.raises(CourseError, match=message): read_presidio(path)


@pytest.mark.parametrize('content, message', [
    ('{}', 'holds no list of records'),
    ('[{"text": "a"}]', "record 0 has no 'full_text'"),
    ('['*100_000, 'p.json is nested too deeply'),
], ids=['no list', 'no text', 'deep'])
def test_other_json_is_refused(tmp_path, content, message):
    (tmp_path/'p.json').write_text(content)
    with pytest.raises(CourseError, match=message): read_presidio(tmp_path/'p.json')


# MTSamples

@pytest.fixture
def mtsamples(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    reports = [(f'PLAN:,Dr. X saw patient {i % 40}.',) for i in range(60)]
    with (tmp_path/'m.csv').open('w', newline='') as f: csv.writer(f).writerows([('transcription',), *reports])
    return tmp_path/'m.csv'


def notes_of(path):
    with path.open(newline='') as f: return [row['TEXT'] for row in csv.DictReader(f)]


def test_mtsamples_is_made_into_a_corpus(mtsamples):
    folder = ensure_mtsamples(mtsamples)
    documents, counts = read_i2b2_2014(folder/'task')
    markers, surrogates = notes_of(folder/'markers.csv'), notes_of(folder/'surrogates.csv')
    assert len(documents) + len(markers) == len(documents) + len(surrogates) == 40
    assert min(len(documents), len(markers)) > 5
    assert all('[**' in text for text in markers) and not any('[**' in text for text in surrogates)
    assert '\nDr. ' in documents[0].text and not counts


def test_mtsamples_is_shown_only_if_somebody_says_so(mtsamples):
    assert not is_shareable(ensure_mtsamples(mtsamples))
    assert is_shareable(ensure_mtsamples(mtsamples, shareable=True))


def test_mtsamples_is_split_by_report(mtsamples):
    train, test, _, source = read_corpus('mtsamples', [str(mtsamples)], [])
    assert len(train) + len(test) == len(read_i2b2_2014(source/'task')[0])
    assert not {d.group for d in train} & {d.group for d in test}


@pytest.mark.parametrize('arguments, message', [
    (('mtsamples', [], []), 'is one file; data names 0'),
    (('i2b2_2014', ['x'], []), 'no test notes'),
    (('mimic', [], []), "Unknown corpus 'mimic'"),
])
def test_corpora_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(CourseError, match=message): read_corpus(*arguments)


def test_another_table_is_no_mtsamples(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    (tmp_path/'m.csv').write_text('a,b\n')
    with pytest.raises(CourseError, match="m.csv has no column 'transcription'"):
        ensure_mtsamples(tmp_path/'m.csv')
