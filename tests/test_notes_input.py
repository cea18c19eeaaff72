"""Files of notes as they come: every format, odd names and columns, broken rows, damage. No message quotes a text."""
import csv
import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.files import read_json
from clinbert_nb.notes import (
    COLUMNS, NOTE_TYPES, choices, chosen, no_counts, note_columns, note_files, prepare_notes, read_notes,
    read_sentences, rows_of, solid)

HEADER = 'ROW_ID,SUBJECT_ID,CATEGORY,TEXT'
INVENTED = [
    ('1', '7', 'Physician ', 'Plan:\nrest, "fluids"\n'),
    ('2', '8', 'ECG', 'Sinus rhythm.'),
    ('3', '8', 'ECG', ''),
]


def write_csv(path, rows, header=HEADER):
    "A csv file of notes, gzipped if its name says so."
    opened = gzip.open if path.suffix == '.gz' else open
    with opened(path, 'wt', encoding='utf-8', newline='') as stream:
        csv.writer(stream).writerows([header.split(','), *rows])
    return path


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, **options):
    "All notes as rows, without ISERROR."
    kept = ['ROW_ID', 'SUBJECT_ID', 'CATEGORY', 'TEXT']
    return [tuple(row[c] for c in kept) for batch in read_notes(path, **options) for row in batch.to_pylist()]


# ---- formats, names, columns

def test_csv_in_batches(tmp_path):
    source = write_csv(tmp_path/'a.csv', INVENTED)
    assert read(source, batch_size=2) == INVENTED
    assert [len(batch) for batch in read_notes(source, batch_size=2)] == [2, 1]


def test_names_of_columns_in_lower_case(tmp_path):
    assert read(write_csv(tmp_path/'a.csv.gz', INVENTED, HEADER.lower())) == INVENTED
    pq.write_table(pa.Table.from_pylist([dict(zip(HEADER.lower().split(','), row)) for row in INVENTED]), tmp_path/'a.parquet')
    assert read(tmp_path/'a.parquet') == INVENTED


def test_names_of_columns_that_are_given(tmp_path):
    records = [dict(zip(['id', 'who', 'CATEGORY', 'text'], row)) for row in INVENTED]
    source = write(tmp_path/'a.jsonl', '\n'.join(map(json.dumps, records)))
    assert read(source, columns={'ROW_ID': 'id', 'SUBJECT_ID': 'who'}) == INVENTED


def test_another_encoding(tmp_path):
    source = write(tmp_path/'latin.csv', f'{HEADER}\n1,7,ECG,café\n'.encode('latin-1'))
    assert read(source, encoding='latin-1') == [('1', '7', 'ECG', 'café')]


def test_missing_columns_are_filled(tmp_path):
    source, columns = write_csv(tmp_path/'few.csv', [['a', 'x'], ['b', 'y']], 'transcription,other'), {'TEXT': 'transcription'}
    assert note_columns(source, columns) == dict.fromkeys(COLUMNS) | dict(TEXT='transcription')
    assert read(source, columns=columns) == [('1', None, None, 'a'), ('2', None, None, 'b')]


def test_plain_text_is_read_in_blocks(tmp_path):
    source = write(tmp_path/'general.txt', '\nOne line.\nTwo.\n\n \nNext document.')
    assert read(source) == [('1', None, 'general', 'One line.\nTwo.\n'), ('2', None, 'general', 'Next document.')]
    assert [row.line for row in list(rows_of(source))[1:]] == [2, 6]


def test_a_folder_is_read_by_its_noteevents(tmp_path):
    write_csv(tmp_path/'NOTEEVENTS.csv.gz', INVENTED)
    assert len(read(tmp_path)) == 3


def test_a_file_of_no_known_kind_is_refused():
    with pytest.raises(CourseError, match='no known kind'): note_files(__file__)


def test_a_folder_without_notes_is_refused(tmp_path):
    (tmp_path/'x').touch()
    with pytest.raises(CourseError, match='holds no notes; expected NOTEEVENTS .* or discharge and radiology'):
        note_files(tmp_path)


def test_notes_without_numbers_have_the_name_of_their_file(tmp_path):
    sources = [write(tmp_path/f'{name}.txt', 'One.\n\nTwo.') for name in 'ab']
    assert [row[0] for row in read(sources)] == ['a-1', 'a-2', 'b-1', 'b-2']


def test_the_second_of_two_files_is_checked_before_the_first_is_read(tmp_path):
    first, second = write(tmp_path/'a.txt', 'One.'), write_csv(tmp_path/'b.csv', [], 'x,y')
    with pytest.raises(CourseError, match='b.csv has no column TEXT'): read_notes([first, second])


# ---- MIMIC-IV

IV = 'note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text'
IN_ORDER = [
    ('10000032-DS-21', '10000032', 'DS', 'Name:  ___\n \nDr. ___ came.'),
    ('10000032-AD-22', '10000032', 'AD', 'He left.'),
    ('10000032-RR-14', '10000032', 'RR', 'EXAMINATION: ___'),
    ('10000032-AR-14', '10000032', 'AR', 'ADDENDUM: ___'),
]


def write_iv(folder, end='.csv.gz'):
    "MIMIC-IV's two files, with four notes."
    folder.mkdir(exist_ok=True)
    times = '2180-05-07 00:00:00', '2180-05-09 15:26:00'
    rows = [(note, patient, 22595853, kind, note[-2:], *times, text) for note, patient, kind, text in IN_ORDER]
    write_csv(folder/f'discharge{end}', rows[:2], IV)
    write_csv(folder/f'radiology{end}', rows[2:], IV)
    return folder


def test_mimic_iv_is_recognised_by_its_columns(tmp_path):
    folder = write_iv(tmp_path/'iv')
    assert read(folder) == IN_ORDER
    assert {row[2] for row in IN_ORDER} == {*NOTE_TYPES}
    assert read(folder/'radiology.csv.gz') == IN_ORDER[2:]


def test_two_files_are_read_in_the_order_given(tmp_path):
    folder = write_iv(tmp_path/'iv')
    assert read([folder/'radiology.csv.gz', folder/'discharge.csv.gz']) == IN_ORDER[2:] + IN_ORDER[:2]


def test_details_of_mimic_iv_are_no_notes(tmp_path):
    folder = write_iv(tmp_path/'iv', '.csv')
    write(folder/'discharge_detail.csv', 'note_id,subject_id,field_name,field_value,field_ordinal\n')
    assert read(folder) == IN_ORDER


def test_a_column_that_is_given_wins_over_mimic_ivs(tmp_path):
    folder = write_iv(tmp_path/'iv', '.csv')
    assert note_columns(folder/'discharge.csv', {'CATEGORY': 'hadm_id'})['CATEGORY'] == 'hadm_id'


def test_a_folder_with_both_kinds_of_mimic_is_a_question(tmp_path):
    write_csv(write_iv(tmp_path)/'NOTEEVENTS.csv', INVENTED)
    message = 'holds NOTEEVENTS.csv and discharge.csv.gz, notes of MIMIC-III and of MIMIC-IV; name the file that you mean'
    with pytest.raises(CourseError, match=message): read(tmp_path)
    assert len(read(tmp_path/'NOTEEVENTS.csv')) == 3


# ---- files that cannot be read

LONG = ''.join(f'{i},"note {i*i*7919}"\n' for i in range(5000))
WHOLE = gzip.compress(b'ROW_ID,TEXT\n' + LONG.encode(), mtime=0)


@pytest.mark.parametrize('name, content, message', [
    ('empty.csv', '', 'empty.csv is empty'),
    ('blank.csv', '\n', 'blank.csv holds nothing'),
    ('a.csv', 'ROW_ID,CATEGORY\n1,ECG\n', 'no column TEXT; it has ROW_ID, CATEGORY'),
    ('b.csv', 'ROW_ID,TEXT\n1,"ok"\n2,"no\nend\n',
     'row 2, which starts in line 3, cannot be read: the file ends inside a quoted field'),
    ('c.csv', 'ROW_ID,TEXT\n1,"a\nb"\n2,c,SECRET\n', 'row 2, which starts in line 4, .* it has 3 fields; expected 2'),
    ('d.csv', 'ROW_ID,TEXT\n1,"open\n2,"SECRET "\n', 'row 1, which starts in line 2, .* must be written twice'),
    ('e.csv', b'ROW_ID,TEXT\n1,caf\xe9 SECRET\n', 'e.csv: row 1.* it is no UTF-8 text'),
    ('f.csv.gz', WHOLE[:len(WHOLE)//2], 'no whole gzip file: it breaks off after row'),
    ('g.jsonl', '{"text": "a"}\n{"text": SECRET\n', 'g.jsonl: row 2.* it is no JSON'),
    ('h.jsonl', '{"text": "a"}\n["SECRET"]\n', 'h.jsonl: row 2.* it is no JSON object'),
    ('first.jsonl', '["SECRET"]\n', 'first.jsonl, line 1: it is no JSON object; expected one note a line'),
    ('deep.jsonl', '{"text": "a"}\n' + '['*100_000, 'deep.jsonl: row 2.* it is nested too deeply'),
    ('k.parquet', 'PAR', 'k.parquet is no whole Parquet file'),
    ('l.jsonl', '{"text": "a"}\n{"text": ["SECRET"]}\n', 'row 2.* its TEXT is no text'),
    ('m.jsonl', '{"text": "SECRET \\ud800"}\n', 'half a character'),
    ('n.csv', 'ROW_ID,"TEXT\n1,"SECRET"\n', 'n.csv: its header, in line 1, cannot be read: after a closing quote a comma'),
    ('o.csv', 'ROW_ID,TEXT"\n1,SECRET\n', 'has no column TEXT; it has ROW_ID, .xxxx"'),
    ('p.csv', '1,7,SECRET note\n', "has no column TEXT; it has '0', '0', 'xxxxxx xxxx'"),
    ('q.csv.gz', WHOLE[:9], 'q.csv.gz is no whole gzip file: it breaks off after row 0'),
    ('r.csv.gz', b'\x1f\x8c' + WHOLE[2:], 'r.csv.gz is no whole gzip file: it breaks off after row 0'),
    ('s.csv.gz', gzip.compress(b'ROW_ID,TEXT\n1,"SECRET\n', mtime=0)[:-4], 'no whole gzip file'),
])
def test_a_file_that_cannot_be_read_is_named_with_the_place(tmp_path, name, content, message):
    with pytest.raises(CourseError, match=message) as error: read(write(tmp_path/name, content))
    assert 'SECRET' not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CourseError, match='none.csv does not exist'): read(tmp_path/'none.csv')


@pytest.mark.parametrize('columns, message', [
    ({'ROW_ID': 'id'}, "no column 'id' for ROW_ID; it has 'xxxx', text"),
    ({'WORDS': 'text'}, "'WORDS' is no column of notes"),
])
def test_columns_that_are_not_there_are_refused(tmp_path, columns, message):
    with pytest.raises(CourseError, match=message): read(write(tmp_path/'i.csv', 'note,text\n1,a\n'), columns=columns)


# ---- broken rows

HEAD = 'ROW_ID,SUBJECT_ID,TEXT\n1,7,"a\nb"\n'
GOOD = '3,7,"c"\n4,8,"d ""quoted""\r\ne"\r\n'
TWICE = 'after a closing quote a comma was expected'
ENDS = 'the file ends inside a quoted field'


def read_on(path, content):
    "The notes that are read, and number, line and reason of the rows that are not."
    broken = []
    ids = [row[0] for row in read(write(path, content), broken=broken)]
    return ids, [(row.number, row.line, row.reason.split(':')[0]) for row in broken]


@pytest.mark.parametrize('wrong, reason', [
    ('2,7,"never closed\n', TWICE),
    ('2,7,"he said "no" twice"\n', TWICE),
    ('2,7\n', 'it has 2 fields; expected 3'),
    ('2,7,c,9,9\n', 'it has 5 fields; expected 3'),
    ('2,7,"x "y\n12, 5 mg\n13,"\n\nz"\n', TWICE),
])
def test_reading_goes_on_behind_a_broken_row(tmp_path, wrong, reason):
    assert read_on(tmp_path/'n.csv', HEAD + wrong + GOOD) == (['1', '3', '4'], [(2, 4, reason)])


def test_a_file_that_ends_in_a_note(tmp_path):
    assert read_on(tmp_path/'n.csv', HEAD + GOOD + '5,8,"cut off') == (['1', '3', '4'], [(4, 7, ENDS)])


def test_bytes_of_another_encoding(tmp_path):
    ids, broken = read_on(tmp_path/'n.csv', (HEAD + GOOD).encode() + b'5,8,caf\xe9\n6,8,nul\x00 byte\n')
    assert ids == ['1', '3', '4', '6']
    assert broken[0][:2] == (4, 7)


def test_empty_lines_between_rows_are_counted_as_lines(tmp_path):
    ids, broken = read_on(tmp_path/'n.csv', '\n\nROW_ID,SUBJECT_ID,TEXT\n\n1,7,a\n\n\n2,7\n3,7,c\n')
    assert (ids, broken) == (['1', '3'], [(2, 8, 'it has 2 fields; expected 3')])


def test_rows_of_mimic_iv_begin_with_a_note_id(tmp_path):
    content = '''note_id,note_type,text
10-DS-1,DS,"a"
10-DS-2,DS,"open
10-RR-3,RR,"1,000 ""x"""
11-DS-1,DS,"b"
'''
    assert read_on(tmp_path/'n.csv', content) == (['10-DS-1', '10-RR-3', '11-DS-1'], [(2, 3, TWICE)])


def test_any_damage_in_a_header_is_one_sentence(tmp_path):
    rng, refused = random.Random(0), 0
    text = (IV + '\n' + '10-DS-1,10,20,DS,1,a,b,"SECRET ""x""\n."\n'*20).encode()
    for k in range(400):
        damaged = bytearray(text if k % 2 else gzip.compress(text, mtime=0))
        place = rng.randrange(90)
        damaged[place:place + k % 3] = rng.choice([b'"', b'\n', b'\x00', b'\xcb', b''])
        path = write(tmp_path/('n.csv' if k % 2 else 'n.csv.gz'), bytes(damaged))
        try: read(path, broken=[])
        except CourseError as e:
            refused += 1
            assert 'SECRET' not in str(e)
            assert str(e).count('\n') == 0 and len(str(e)) < 400
    assert refused > 200


def test_broken_rows_are_put_on_a_list(tmp_path):
    rows = ''.join(f'{i},7,ECG,"Note {i}. Fine."\n' for i in range(1, 400))
    wrong = '400,7,ECG,"SECRET\n401,7,ECG,"Last."\n401,7,ECG,"SECRET again."\n'
    source = write(tmp_path/'n.csv', f'{HEADER}\n{rows}{wrong}')
    report = prepare_notes(source, tmp_path/'out', workers=1)
    assert (report['notes'], report['broken_rows'], report['repeated_ids']) == (400, 1, ['401'])
    assert report['skipped'] == {'repeats an earlier ROW_ID': 1}
    quarantine = (tmp_path/'out/quarantine.csv').read_text()
    assert quarantine.startswith('file,row,line,reason\nn.csv,400,401,')
    assert 'SECRET' not in quarantine
    message = '1 of 402 rows cannot be read, more than the share broken_rows=0.001.*row 400, which starts in line 401'
    with pytest.raises(CourseError, match=message):
        prepare_notes(source, tmp_path/'strict', workers=1, broken_rows=.001)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['n.csv', 'out']


def test_a_broken_row_of_two_files_is_listed_with_its_file(tmp_path):
    folder = write_iv(tmp_path/'iv', '.csv')
    with (folder/'radiology.csv').open('a') as f: f.write('10000032-RR-15,"SECRET\n')
    assert prepare_notes(folder, tmp_path/'out', workers=1, broken_rows=.5)['broken_rows'] == 1
    quarantine = (tmp_path/'out/quarantine.csv').read_text()
    assert quarantine.startswith('file,row,line,reason\nradiology.csv,3,4,the file ends inside')
    message = ('discharge.csv, .*radiology.csv: 1 of 5 rows cannot be read.* '
               'The first is radiology.csv, row 3, which starts in line 4')
    with pytest.raises(CourseError, match=message): prepare_notes(folder, tmp_path/'strict', workers=1)


# ---- choices

def test_ids_to_leave_out_may_stand_in_files(tmp_path):
    (tmp_path/'ids.txt').write_text('2\n4\n')
    notes, counts = [dict(zip(COLUMNS, (i, '7', 'ECG', '', 'ok' if i != '3' else ''))) for i in '1234'], no_counts()
    assert list(chosen(notes, choices(exclude_notes=['1', str(tmp_path/'ids.txt')]), counts)) == []
    assert counts['skipped'] == {'excluded note': 3, 'empty text': 1}


def test_repeated_ids_are_left_out_and_listed():
    notes, counts = [dict.fromkeys(COLUMNS, i) for i in ('5', '05', 'x', 'x')], no_counts()
    assert len(list(chosen(notes, choices(), counts))) == 2
    assert counts['repeated_ids'] == ['05', 'x']


def test_an_unknown_choice_is_refused():
    with pytest.raises(CourseError, match="'lenght' is no choice"): choices(lenght=1)


def test_solid_characters_are_those_that_are_no_white_space():
    assert [solid(text) for text in ('', ' \n', 'a\x1cb\t', 'é\xa0\u2003e')] == [0, 0, 2, 2]


def test_a_category_that_is_not_there_is_refused(tmp_path):
    source = write_csv(tmp_path/'n.csv', INVENTED[1:2])
    with pytest.raises(CourseError, match="no note of category 'Echo'; it has ECG"):
        prepare_notes(source, tmp_path/'out', categories=['Echo'])


def test_a_file_without_a_note_is_refused(tmp_path):
    source = write_csv(tmp_path/'m.csv', INVENTED[2:])
    with pytest.raises(CourseError, match='gives no note: 1 read, skipped: 1 empty text'):
        prepare_notes(source, tmp_path/'out')
    assert [p.name for p in tmp_path.iterdir()] == ['m.csv']


def test_a_file_that_is_no_good_leaves_nothing(tmp_path):
    source = write_csv(tmp_path/'n.csv', [[i, i, 'ECG', f'Note {i}. Sinus rhythm.'] for i in range(100)])
    with pytest.raises(CourseError, match="no note of category 'Echo'"):
        prepare_notes(source, tmp_path/'out', workers=2, part_size=300, categories=['ECG', 'Echo'])
    assert [p.name for p in tmp_path.iterdir()] == ['n.csv']


# ---- odd notes

def test_a_huge_note_and_odd_characters_are_read(tmp_path):
    huge = 'No line ends here, nor does a sentence ' * 50_000
    odd = 'nul \x00 byte\r\nmixed\rline\nends\u2028é'
    source = write_csv(tmp_path/'n.csv', [['1', '7', 'Odd category', huge], ['2', '7', None, odd]])
    report = prepare_notes(source, tmp_path/'out', workers=1)
    assert (report['notes'], report['characters_lost']) == (2, 0)
    assert report['categories'] == {'Odd category': 1, '': 1}


def test_two_files_are_prepared_as_one_corpus(tmp_path):
    report = prepare_notes(write_iv(tmp_path/'iv', '.csv'), tmp_path/'out', workers=1)
    assert report['source'] == 'discharge.csv, radiology.csv'
    assert report['missing_columns'] == ['ISERROR']
    assert report['categories'] == dict.fromkeys(NOTE_TYPES, 1)
    assert report['characters_lost'] == 0
    notes = [(note.note_id, note.sentences) for note in read_sentences(tmp_path/'out')]
    assert notes[0] == ('10000032-DS-21', ['Name:', '___', 'Dr. ___ came.'])
    assert notes[1] == ('10000032-AD-22', ['He left.'])
    assert [note.note_id for note in read_sentences(tmp_path/'out', 'AR')] == ['10000032-AR-14']
    assert read_json(tmp_path/'out/corpus.json')['shareable'] is False
