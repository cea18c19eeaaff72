"""The compiled cuts are those of `clinbert_nb.sentences`, note by note: odd, random, with bare markers, with rulers, and real ones."""
import csv

import pytest

from clinbert_nb.compiled import split_note_fast
from clinbert_nb.hospital import patient_notes
from clinbert_nb.sentences import MARKER, restore_line_breaks, split_note


@pytest.mark.parametrize('text', [
    '',
    ' \n',
    'Café: closed. He left.',
    'Plan:\x0brest. He left.',
    'one\x01two. He left.',
    'a\r\nb\rc. He left.',
    'He left. ' * 120_000,
])
def test_notes_that_are_not_ascii_or_odd_go_the_plain_way(text):
    assert split_note_fast(text) == split_note(text)


PIECES = [
    '\n', '\n\n', '\r\n', ' ', '\t', 'Plan:', 'Disp:', 'Past Medical History:', 'A (b): ', 'of ', 'on',
    'Admission Date: x Discharge Date: y', 'Date of Birth: ', 'Sex:',
    '1. ', '2.', '20 ', '2.5 mg', '-', ' - ', '---', '____', '___', '\n___\n', '\n -- ', '* ', '# x',
    '. ', '? ', 'Dr. ', 'q.d. ', 'e.g. ', 'No. ', 'He', 'slept', 'BP', 'D. J. Smith',
    '[**', '**]', '[**2151-7-16**]', '[** Name (un) 12**]', '[**a\nb**]',
    '(', ')', '"', "'", '[', ']', ':', ',', 'a line that fills sixty characters ' * 2,
]

def test_both_versions_are_equal_on_random_notes():
    from hypothesis import given, settings, strategies as st
    ascii_text = st.text(alphabet=st.characters(min_codepoint=9, max_codepoint=126), max_size=6)
    @settings(max_examples=2000, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.sampled_from(PIECES) | ascii_text, max_size=30).map(''.join))
    def holds(note): assert split_note_fast(note) == split_note(note)
    holds()


def test_both_versions_are_equal_on_notes_with_bare_markers():
    notes = [MARKER.sub('___', row[-1]) for number in range(12) for row in patient_notes(number, 0)]
    torn = ['\n'.join(note.split(' ')) for note in notes]   # each word on a line of its own, and many a ___ a ruler
    assert len(notes) > 400
    assert sum('___' in note for note in notes) > 200
    for note in [*notes, *torn]: assert split_note_fast(note) == split_note(note)


LINES = ['---', '___', ' ___ ', '\t--- ___', '---___', '--', '--- --', '___ .', '- ---', '____________', '___ ___',
         'a ---', '___:', '', ' ']

@pytest.mark.parametrize('first', LINES)
def test_a_ruler_is_a_line_of_its_own_here_too(first):
    for last in LINES:
        for note in (
            f'{first}\n{last}',
            f'Above\n{first}\nbetween\n{last}\nbelow',
            f'Plan:\n{first}\n{last}\nSex: {first}',
        ): assert split_note_fast(note) == split_note(note), note


def test_both_versions_are_equal_on_real_notes(open_data):
    path = open_data/'mtsamples/mtsamples.csv'
    if not path.exists(): pytest.skip('MTSamples is not here')
    with path.open(encoding='utf-8', newline='') as stream:
        texts = sorted({row['transcription'] for row in csv.DictReader(stream)} - {''})[::2]
    assert len(texts) > 1000
    for text in texts:
        mended, _ = restore_line_breaks(text, ',')
        assert split_note_fast(text) == split_note(text)
        assert split_note_fast(mended) == split_note(mended)
