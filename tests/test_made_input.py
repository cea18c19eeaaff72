"""What the readers of 12_made do with notes, annotations and MetaMap's output that are damaged, odd or hostile."""
import pytest

from clinbert_nb.catalogue import made_documents, write_made
from clinbert_nb.core import CourseError
from clinbert_nb.made import read_made, read_mmi
from clinbert_nb.ner import Document, Span


def made(folder, *annotations, text='Fake rash and\nfake pain.', head='', name='10_1'):
    "A corpus of one note."
    for sub in ('corpus', 'annotations'): (folder/sub).mkdir(parents=True, exist_ok=True)
    (folder/'corpus'/name).write_bytes(text.encode())
    start = f'<?xml version="1.0" encoding="UTF-8"?>{head}<collection><document><id>{name}</id><passage><offset>0</offset>\n'
    (folder/'annotations'/f'{name}.bioc.xml').write_text(f'{start}{"".join(annotations)}\n</passage></document></collection>')
    return folder


def annotation(start=0, length=9, words='Fake rash', kind='ADE', snomed=('1', 'rash'), meddra=('2', 'Rash')):
    codes = ''
    for source, pair in (('SNOMED', snomed), ('MedDRA', meddra)):
        for what, value in zip(('code', 'term'), pair or ()): codes += f'<infon key="{source} {what}">{value}</infon>'
    text = f'<text>{words}</text>' if words is not None else ''
    place = f'<location offset="{start}" length="{length}"/>'
    return f'<annotation id="7"><infon key="type">{kind}</infon>{codes}{place}{text}</annotation>'


# Codes

@pytest.mark.parametrize('codes, ids', [
    (dict(), ('SNOMEDCT_US:1',)),
    (dict(snomed=('N/A', 'N/A')), ('MDR:2',)),
    (dict(snomed=('1', 'N/A')), ('MDR:2',)),
    (dict(meddra=None), ('SNOMEDCT_US:1',)),
    (dict(snomed=('N/A', 'N/A'), meddra=('N/A', 'N/A')), ()),
    (dict(snomed=('1', ''), meddra=('', '')), ()),
    (dict(snomed=None), ('MDR:2',)),
])
def test_codes_may_be_missing(tmp_path, codes, ids):
    assert read_made(made(tmp_path, annotation(**codes)))[0][0].spans[0].ids == ids


# Words and places

@pytest.mark.parametrize('annotations, odd', [
    ([annotation(10, 13, r'and\nfake pain')], {'quotation with other blanks': 1}),
    ([annotation(10, 13, 'and fake pain')], {'quotation with other blanks': 1}),
    ([annotation(9, 5, ' and\n')], {'blanks at the ends of a mention, taken off': 1}),
    ([annotation(words=None)], {'annotation without its words, not checked': 1}),
    ([annotation().replace('<text>', '<location offset="14" length="4"/><text>'), annotation()],
     {'annotation in several pieces, left out': 1}),
])
def test_odd_annotations_are_counted(tmp_path, annotations, odd): assert read_made(made(tmp_path, *annotations))[1] == odd


def test_spaces_at_the_ends_are_taken_off(tmp_path):
    (d,), _ = read_made(made(tmp_path, annotation(9, 5, ' and\n')))
    assert d.text[d.spans[0].start:d.spans[0].end] == 'and'


def test_notes_keep_their_line_ends(tmp_path):
    (d,), _ = read_made(made(tmp_path, annotation(15, 9, 'fake pain'), text='Fake rash and\r\nfake pain.'))
    assert d.text[15:24] == 'fake pain' and d.spans[0].start == 15


def test_a_note_without_annotations_is_counted(tmp_path):
    folder = made(tmp_path, annotation())
    (folder/'corpus/11_1').write_text('nobody read this')
    assert read_made(folder)[1] == {'note without annotations, left out': 1}


BOMB = '<!DOCTYPE c [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'
FETCH = '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize('body, head, message', [
    (annotation(words='Zzz'), '', '10_1.bioc.xml, annotation 7: its words do not stand at 0–9'),
    (annotation(20, 9), '', 'no characters 20–29 in the note, which has 24'),
    (annotation(0, 0, ''), '', 'no characters 0–0'),
    (annotation('x'), '', 'annotation 7: the offset is no whole number'),
    (annotation('-1'), '', 'the offset is no whole number'),
    (annotation(length='1'*5000), '', 'annotation 7: the length is no whole number'),
    (annotation(kind='Rash'), '', "unknown type 'xxxx'; expected ADE"),
    ('<annotation id="3"/>', '', 'annotation 3 has no infon with the key "type"'),
    ('<annotation id="3"><infon key="type">ADE</infon></annotation>', '', 'annotation 3 has no <location>'),
    ('<annotation', '', 'is no XML: line 3'),
    ('&b;', BOMB, 'declares a DOCTYPE or an entity; .* never expanded or fetched'),
    ('&x;', FETCH, 'never expanded or fetched'),
    ('&amp;&x;', '', 'is no XML: line 2'),
    ('', '<!DOCTYPE c SYSTEM "a" [ ]>', 'never expanded or fetched'),
    ('</passage></document><document><passage>', '', 'has 2 <document>; expected one'),
])
def test_hostile_files_are_refused(tmp_path, body, head, message):
    with pytest.raises(CourseError, match=message): read_made(made(tmp_path, body, head=head))


@pytest.mark.parametrize('head', [
    '<!DOCTYPE collection SYSTEM "BioC.dtd">',
    "<!DOCTYPE collection SYSTEM 'http://localhost:1/BioC.dtd'>",
])
def test_a_document_type_alone_is_taken_out(tmp_path, head):
    documents, odd = read_made(made(tmp_path, annotation(), head=head))
    assert odd == {'document type taken out, nothing fetched': 1} and len(documents[0].spans) == 1


# Folders

def test_a_copy_without_codes_is_refused(tmp_path):
    plain = made(tmp_path/'challenge', annotation(snomed=None, meddra=None))
    message = 'challenge have no concepts: .* needs the copy with concepts'
    with pytest.raises(CourseError, match=message): read_made(plain)
    assert read_made(plain, codes=False)[1] == {'mention without a code': 1}


def test_annotations_need_their_note(tmp_path):
    folder = made(tmp_path, annotation())
    (folder/'corpus/10_1').rename(folder/'corpus/12_1')
    with pytest.raises(CourseError, match='10_1.bioc.xml: there is no note 10_1 in corpus/'): read_made(folder)
    (folder/'annotations/10_1.bioc.xml').unlink()
    with pytest.raises(CourseError, match='annotations/ holds no file such as'): read_made(folder)


def test_a_folder_of_another_kind_is_refused(tmp_path):
    folder = made(tmp_path, annotation())
    with pytest.raises(CourseError, match='has no folder corpus or txt'): read_made(folder/'corpus')


def test_the_internal_copy_has_other_names(tmp_path):
    folder = made(tmp_path, annotation())
    (folder/'corpus').rename(folder/'txt')
    (folder/'annotations').rename(folder/'bioc')
    (folder/'txt/10_1').rename(folder/'txt/10_1.txt')
    (folder/'bioc/10_1.bioc.xml').rename(folder/'bioc/10_1.xml')
    assert len(read_made(folder)[0]) == 1


def test_what_is_written_is_read(tmp_path):
    documents = made_documents(4, 0)
    terms = {code: 'x' for d in documents for s in d.spans for code in s.ids}
    again, _ = read_made(write_made(documents, tmp_path/'m', terms), None)
    assert sorted(again, key=lambda d: d.doc_id) == sorted(documents, key=lambda d: d.doc_id)


def test_letters_of_xml_are_written_and_read(tmp_path):
    hard = [Document('1_1', 'a <b> & "c"\r\nd', (Span(2, 14, 'ADE', ('MDR:1',)),), '1')]
    assert read_made(write_made(hard, tmp_path/'h', {'MDR:1': 'x & <y>'}))[0] == hard


# MetaMap

NOTE = Document('n', 'No SOB, sob; short of breath. Pain of non-small-cell, stage II.')
SOB = '"SOB"-tx-1-"SOB"-noun-0'


def mmi(triggers, places, cui='C1', end='|C23'): return f'n|MMI|14.64|Dyspnea|{cui}|[sosy]|[{triggers}]|TX|{places}{end}'


def read(tmp_path, *lines):
    (tmp_path/'o').write_text('\n'.join(lines) + '\n')
    return read_mmi(tmp_path/'o', [NOTE])


def test_quotation_marks_bars_and_codes_in_names(tmp_path):
    lines = [
        mmi('"Cancer, non-small-cell, "II""-tx-1-"non-small-cell, stage II"-noun-0', '38/24', 'C2'),
        mmi('"Pain|of"-tx-1-"Pain"-noun-0', '30/4', end=''),
        mmi('"Pain"-tx-1-"pain"-noun-0', '30/4', end='|C1;C2|')]
    found, odd = read(tmp_path, *lines)
    assert [NOTE.text[f.start:f.end] for f in found] == ['non-small-cell, stage II', 'Pain', 'Pain'] and not odd


def test_two_triggers_at_three_places(tmp_path):
    triggers = '"SOB"-tx-1-"sob"-noun-1,"Shortness of breath"-tx-1-"short of breath"-noun-0'
    found, odd = read(tmp_path, mmi(triggers, '[3/3],[8/3];13/15'))
    assert [(f.start, f.end, f.words, f.negated) for f in found] == [
        (3, 6, 'sob', True), (8, 11, 'sob', True), (13, 28, 'short of breath', False)]
    assert not odd and {f.concept for f in found} == {'C1'}


@pytest.mark.parametrize('line, starts, odd', [
    (mmi(f'"Pain"-tx-1-pain-noun-0,{SOB}', '30/4;3/3'), [3], 'trigger whose words are not quoted, left out'),
    (mmi(SOB, '3/3,8/3'), [], 'occurrence in several pieces, left out'),
    (mmi(SOB, '[3/3,8/3],[8/3]'), [8], 'occurrence in several pieces, left out'),
    (mmi(SOB, '3/3;8/3'), [], 'line whose triggers and places differ in number, left out'),
    (mmi('SOB', '3/3'), [], 'line with triggers that cannot be read, left out'),
    (mmi(SOB, '3:3'), [], 'line with places that cannot be read, left out'),
    (mmi(SOB, '1'*5000 + '/3'), [], 'line with places that cannot be read, left out'),
    (mmi(SOB, '²/3'), [], 'line with places that cannot be read, left out'),
    (mmi(SOB, '٣/3'), [], 'line with places that cannot be read, left out'),
    ('n|AA|LC|lung cancer|1|2|3|11|40:2', [], 'line of another kind (AA)'),
    ('n|UA|x', [], 'line of another kind (UA)'),
    ('n|Foo|x', [], 'line of another kind (unknown)'),
])
def test_what_is_left_out_is_counted(tmp_path, line, starts, odd):
    found, counts = read(tmp_path, line, '')
    assert [f.start for f in found] == starts and counts == {odd: 1}


ROWS = [mmi(f'"x"-tx-1-"{words}"-noun-0', f'{start}/{len(words)}') for words, start in (('SOB', 4), ('sob', 9), ('Pain', 31))]


def test_places_that_count_from_one_are_moved(tmp_path):
    found, odd = read(tmp_path, *ROWS)
    assert [NOTE.text[f.start:f.end] for f in found] == ['SOB', 'sob', 'Pain']
    assert odd == {'place counted from 1, moved': 3}


def test_a_place_outside_of_its_note_is_left_out(tmp_path):
    found, odd = read(tmp_path, *ROWS[:2], ROWS[2].replace('31/4', '61/4'))
    assert [NOTE.text[f.start:f.end] for f in found] == ['SOB', 'sob']
    assert odd['place that is empty or outside of its note, left out'] == 1


@pytest.mark.parametrize('line, message', [
    (ROWS[0].replace('4/3', '20/3'), 'o: at 1 of 1 places stand other words'),
    (ROWS[0].replace('4/3', '900/3'), 'stand other words'),
    ('n|MMI|1', 'o, line 1 has 3 fields; expected ten'),
    ('free text', 'o, line 1 has 1 fields'),
    (ROWS[0].replace('n|', 'z|', 1), "o, line 1 is about 'x', which is no note"),
    (mmi('SOB', '3/3').replace('n|', 'z|', 1), "o, line 1 is about 'x', which is no note"),
])
def test_output_that_does_not_fit_is_refused(tmp_path, line, message):
    with pytest.raises(CourseError, match=message): read(tmp_path, line)


def test_a_folder_has_a_file_for_each_note(tmp_path):
    (tmp_path/'f').mkdir()
    (tmp_path/'f/n.mmi').write_text(mmi(SOB, '3/3').replace('n|MMI', '00000000|MMI') + '\n')
    assert read_mmi(tmp_path/'f', [NOTE])[0][0].doc_id == 'n'


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path/'e').write_text('')
    with pytest.raises(CourseError, match='is empty'): read_mmi(tmp_path/'e', [NOTE])
