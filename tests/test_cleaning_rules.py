"""Copies are found whatever the parts and workers; surrogates have the kind of their markers, and nothing else changes."""
import os
import random
import re
import subprocess
import sys
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datatrove.pipeline.dedup.minhash import MinhashDedupSignature

from clinbert_nb import cleaning
from clinbert_nb.cleaning import BARE, moved, near_duplicates, similarity, surrogates
from clinbert_nb.sentences import MARKER, OPAQUE


def as_date(text): return date(*map(int, text.split('-')))


# copies

def notes_with_copies(n=60):
    "n random notes, copies of the first half with a word changed, and odd ones: empty, missing, short, huge."
    starts, ends = ('ba', 'de', 'fi', 'go', 'lu', 'my', 'no', 'pi'), ('ra', 'sen', 'tor', 'vel', 'wix', 'zam')
    words = [start + end for start in starts for end in ends]
    rng = random.Random(3)
    new = [' '.join(rng.choices(words, k=rng.randrange(60, 200))) for _ in range(n)]
    copied = [text.replace(words[i % 48], words[(i+1) % 48], 1) + f' {i}' for i, text in enumerate(new[:n//2])]
    return [*new, *copied, '', None, 'too short', 'too short', new[0], 'x '*400_000]


def in_parts(folder, texts, size):
    folder.mkdir(exist_ok=True)
    for k, start in enumerate(range(0, len(texts), size)):
        table = pa.table({'TEXT': pa.array(texts[start:start+size], pa.string())})
        pq.write_table(table, folder/f'{k:02}.parquet')
    return sorted(folder.glob('*.parquet'))


def test_copies_are_found_and_point_to_the_first(tmp_path):
    texts = notes_with_copies()
    found = near_duplicates(in_parts(tmp_path/'parts', texts, 25), tmp_path, workers=1)
    exact = {60+i for i in range(30) if similarity(texts[i], texts[60+i]) > .9}
    assert len(exact) > 20
    assert exact <= {*found} <= {*range(60, 90), 94}
    assert found.pop(94) == 0
    assert all(earlier == position - 60 for position, earlier in found.items())


def test_the_result_depends_on_neither_workers_nor_parts(tmp_path):
    texts = notes_with_copies()
    one = near_duplicates(in_parts(tmp_path/'a', texts, 40), tmp_path/'one', workers=1)
    two = near_duplicates(in_parts(tmp_path/'b', texts, 7), tmp_path/'two', workers=2)
    assert one and one == two
    left = [path.name for path in (tmp_path/'one').rglob('*') if path.is_file() and path.name[0] != '.']
    assert left == ['near_duplicates.parquet']


def test_finished_stages_are_not_done_again(tmp_path, monkeypatch):
    parts, signed = in_parts(tmp_path/'parts', notes_with_copies(), 30), []
    expected = near_duplicates(parts, tmp_path/'whole', workers=1)
    sign, run = cleaning._sign, MinhashDedupSignature.run
    def counted(self, data, rank):
        signed.append(rank)
        return run(self, data, rank)
    def breaks(*arguments):
        if arguments[2] == 2: raise OSError('disk full')
        sign(*arguments)
    monkeypatch.setattr(MinhashDedupSignature, 'run', counted)
    monkeypatch.setattr(cleaning, '_sign', breaks)
    with pytest.raises(OSError): near_duplicates(parts, tmp_path/'out', workers=1)
    monkeypatch.setattr(cleaning, '_sign', sign)
    for _ in range(2):
        assert near_duplicates(parts, tmp_path/'out', workers=1) == expected
        assert signed == [0, 1, 2, 3]


def test_the_library_is_silent(tmp_path, capfd):
    near_duplicates(in_parts(tmp_path/'parts', notes_with_copies(), 50), tmp_path, workers=1)
    captured = capfd.readouterr()
    assert captured.out == ''
    assert 'datatrove' not in captured.err and 'Sorting' not in captured.err


# dates

def test_dates_keep_their_distance():
    from hypothesis import given, settings, strategies as st
    dates = st.dates(date(2000, 1, 1), date(2250, 12, 31))
    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(dates, dates, st.integers(4950, 5500))
    def holds(a, b, weeks):
        new_a, new_b = (as_date(moved(f'{day.year}-{day.month}-{day.day}', -7*weeks, 0)) for day in (a, b))
        assert new_b - new_a == b - a
        assert new_a.weekday() == a.weekday()
        assert moved(f'{b.month}-{b.day}', -7*weeks, b.year) == f'{new_b.month}-{new_b.day}'
        year_a, year_b = (int(moved(str(day.year), -7*weeks, 0)) for day in (a, b))
        assert year_b - year_a == b.year - a.year
    holds()


@pytest.mark.parametrize('inside, days, year, expected', [
    ('2151-02-30', 0, 0, '2151-02-28'),
    ('02/03', 0, 2151, '02/03'),
    ('7-/2151', 0, 0, '7-/2151'),
    ('7-16-2151', 1, 0, '7-17-2151'),
    ('2151-12', 40, 0, '2152-1'),
    ('2-29', 0, 2151, '2-28'),
    ('0-3', 0, 2151, None),
    ('1234567', 0, 2151, None),
    ('2151-13-1', -35_000, 2151, None),
    ('99', -35_000, 2151, None),
    ('Hospital1 18', 0, 2151, None),
])
def test_parts_of_dates_keep_their_form(inside, days, year, expected):
    assert moved(inside, days, year) == expected


@pytest.mark.parametrize('seed', range(20))
def test_surrogates_of_dates_keep_the_day_of_the_week(seed):
    was, new = date(2151, 7, 16), as_date(surrogates('[**2151-7-16**]', seed)[0])
    assert new != was
    assert new.weekday() == was.weekday()


# typed markers

NAME, WORD, PHONE = r"[A-Z]['\w]+", r'[A-Z].+', r'\d{3}-\d{3}-\d{4}'

@pytest.mark.parametrize('marker, kind, shape', [
    ('2151-7-16', 'date', r'20\d\d-\d+-\d+'),
    ('7-16', 'date', r'\d+-\d+'),
    ('2151', 'date', r'20\d\d'),
    ('7-/2151', 'date', r'\d+-/20\d\d'),
    ('3-2151', 'date', r'\d+-20\d\d'),
    ('Hospital1 18', 'hospital', r'\S+ (Hospital|Medical Center)'),
    ('Hospital Ward Name 5', 'ward', r"['\w]+ \d+"),
    ('First Name8 (NamePattern2) ', 'first name', NAME),
    ('Female First Name (un) 3', 'female first name', NAME),
    ('Male First Name (un) 3', 'male first name', NAME),
    ('Known firstname 3', 'first name', NAME),
    ('Known lastname 4', 'last name', NAME),
    ('Last Name (un) 123', 'last name', NAME),
    ('Name10 (NameIs) 1', 'last name', NAME),
    ('Doctor Last Name 9', 'last name', NAME),
    ('Name Initial (MD) 2', 'initials', '[A-Z]{2}'),
    ('Attending Info 5', 'doctor', r"\w+ ['\w]+"),
    ('Telephone/Fax (1) 99', 'phone', PHONE),
    ('Pager number 3', 'phone', PHONE),
    ('Age over 90 ', 'age', r'9\d'),
    ('Location (un) 5', 'place', WORD),
    ('Country 1', 'country', WORD),
    ('State 6', 'state', WORD),
    ('State/Zipcode 3', 'zip code', r'\d{5}'),
    ('Street Address(2) 3', 'street', r'\d+ .+'),
    ('University/College 2', 'university', r'.+ University'),
    ('Company 9', 'company', WORD),
    ('URL 5', 'web address', r'http.+'),
    ('E-mail address 4', 'e-mail', r'.+@.+'),
    ('Medical Record Number 8', 'number', r'\d{7}'),
    ('Numeric Identifier 77', 'number', r'\d{7}'),
    ('12345', 'number', r'\d{5}'),
    ('5-', 'number', r'\d-'),
    ('99-99', 'number', r'\d\d-\d\d'),
    ('Month (only) 6', 'month', r'[A-Z][a-z]+'),
    ('Year (4 digits) 2', 'year', r'\d{4}'),
    ('Month/Day (4) 12', 'day', r'\d+-\d+'),
    ('Date range (1) 3', 'date range', r'\d+-\d+ to \d+-\d+'),
    ('Holiday 4', 'holiday', WORD),
    ('', 'unknown', '___'),
    ('Hopsital1 18', 'unknown', '___'),
    ('Strasse 4', 'unknown', '___'),
])
def test_each_kind_of_marker_gets_a_value_of_its_kind(marker, kind, shape):
    value, counts = surrogates(f'[**{marker}**]', 1)
    assert counts == {kind: 1}
    assert re.fullmatch(shape, value)


PIECES = [
    '[**', '**]', '[**2151-7-16**]', '[**Hospital1 18**]', '[**7-/2151**]', '[** **]', '[**x[y**]',
    '[**9999-99-99**]', '[**\n**]', '[**1**]', '\n', '\\1', '\\g<0>', 'He',
]

def test_nothing_but_markers_changes():
    from hypothesis import given, settings, strategies as st
    markers = st.text('0123456789-/ nameYrdt\ud800', max_size=12).map('[**{}**]'.format)
    pieces = st.sampled_from(PIECES) | st.text(max_size=6) | markers
    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(st.lists(pieces, max_size=20).map(''.join))
    def holds(text):
        new, counts = surrogates(text, 7)
        outside = '(.+?)'.join(map(re.escape, MARKER.split(text)))
        values = [surrogates(marker, 7)[0] for marker in MARKER.findall(text)]
        assert re.fullmatch(outside, new, re.S)
        assert not MARKER.search(''.join(values))
        assert sum(n for kind, n in counts.items() if not kind.startswith('broken')) == len(values)
    holds()


def test_values_are_the_same_in_every_process():
    text = '[**Last Name (un) 12**] [**2151-7-16**] [**Location (un) 5**] [**12345**]'
    code = f'from clinbert_nb.cleaning import surrogates; print(surrogates({text!r}, 0, 17)[0])'
    environment = {**os.environ, 'PYTHONHASHSEED': '7'}
    process = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, env=environment)
    assert process.stdout == surrogates(text, 0, 17)[0] + '\n'


# bare markers

@pytest.mark.parametrize('kind, text', [
    ('last name', 'Dr. ___'),
    ('last name', 'Dr.\n___ came'),
    ('last name', 'seen at ___ Hospital'),
    ('last name', '___ Medical Center'),
    ('last name of the patient', 'Ms. ___ is well'),
    ('last name of the patient', 'Mr ___'),
    ('name of the patient', 'Name:  ___   Unit No:   '),
    ('number', 'Unit No:   ___'),
    ('number', 'Clip # ___'),
    ('number', 'MRN: ___'),
    ('age', '___ year old'),
    ('age', 'a ___-year-old man'),
    ('age', '___ y/o F'),
    ('age', '___ yo M'),
    ('age', '___F with DM'),
    ('age', '___ M w/ DM'),
    ('age', '___ man with'),
    ('age', 'at the age of ___'),
    ('age', 'Age: ___'),
    ('date of admission', 'Admission Date:  ___'),
    ('date of discharge', 'Discharge Date:   ___'),
    ('date of birth', 'Date of Birth:  ___'),
    ('date', 'on ___'),
    ('date', 'since ___.'),
    ('date', '___ 06:30AM BLOOD'),
    ('date', 'COMPARISON:  ___.'),
    ('date', 'Date/Time: ___ at'),
    ('doctor', 'Attending: ___.'),
    ('doctor', 'signed by: ___, MD'),
    ('doctor', 'spoke with ___, RN'),
    ('phone', 'Phone: ___'),
    ('phone', 'Phone:___'),
    ('phone', 'pager ___'),
    ('phone', 'Fax: (___'),
    ('phone', 'please call ___ to'),
    ('first name', 'Daughter ___ in to visit'),
    ('first name', 'wife (___)'),
    ('hospital', 'transferred to ___ for'),
    ('hospital', 'Facility:\n___'),
    ('hospital, perhaps', 'seen at ___ today'),
    ('place', 'lives in ___'),
    ('place', 'originally from ___'),
    ('unknown kind', '___'),
    ('unknown kind', 'in ___'),
    ('unknown kind', 'at ___ am'),
    ('unknown kind', 'on ___ service'),
    ('unknown kind', 'Poly___'),
    ('unknown kind', 'for ___ weeks'),
    ('unknown kind', 'that ___'),
])
def test_kinds_of_bare_markers_are_inferred(kind, text):
    new, counts = surrogates(text, 1)
    assert counts == {kind: 1}
    assert (new == text) == (kind == 'unknown kind')
    assert re.fullmatch('(.+)'.join(map(re.escape, text.split('___'))), new, re.S)


HEAD = '''Name: ___ Admission Date: ___ Discharge Date: ___ Date of Birth: ___ \
Ms. ___ is ___ years old. Mrs. ___ came on ___. Age: ___'''

def test_a_patient_has_one_name_and_one_age_and_was_born_in_time():
    shape = re.escape(HEAD).replace('___', '(.+?)')
    for patient in range(300):
        new, _ = surrogates(HEAD, 0, patient)
        name, *days, last, age, again, came, age_again = re.fullmatch(shape, new).groups()
        admitted, discharged, born, came = map(as_date, (*days, came))
        assert name.endswith(' ' + last) and last == again
        assert age == age_again and 20 <= int(age) < 90
        assert admitted <= came < discharged
        assert (discharged - admitted).days < 15
        before_birthday = (admitted.month, admitted.day) < (born.month, born.day)
        assert int(age) == admitted.year - born.year - before_birthday


def test_values_of_bare_markers_are_repeatable_and_differ_by_patient_and_position():
    text = 'Dr. ___ and Dr. ___ called ___.'
    assert surrogates(text, 0, 17) == surrogates(text, 0, 17)
    assert len({surrogates(text, 0, patient)[0] for patient in range(20)}) > 15
    first, second = re.match(r'Dr. (.+) and Dr. (.+) called ___', surrogates(text, 0, 17)[0]).groups()
    assert first != second


def test_notes_with_typed_markers_keep_their_bare_ones():
    new, counts = surrogates('[**2151-7-16**] seen by Dr. ___\n_____', 1)
    assert new.endswith(' seen by Dr. ___\n_____')
    assert counts == {'date': 1}


BARE_PIECES = [
    '___', '____', '_', 'Dr. ', 'Ms. ', ' on ', ' at ', ' year old', 'Name: ', '\n', '\\1', '[*', ' Hospital',
    'Phone:', OPAQUE,
]

def test_nothing_but_bare_markers_changes():
    from hypothesis import given, settings, strategies as st
    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.sampled_from(BARE_PIECES) | st.text(max_size=6), max_size=20).map(''.join))
    def holds(text):
        text = text.replace('[**', '')
        new, counts = surrogates(text, 7)
        assert re.fullmatch('(.+?)'.join(map(re.escape, BARE.split(text))), new, re.S)
        assert sum(counts.values()) == len(BARE.findall(text))
        assert counts.get('unknown kind', 0) == len(BARE.findall(new))
    holds()
