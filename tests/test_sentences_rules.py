"""The rules that cut notes into sections and sentences, case by case, and the loss-free cuts on random and on real notes."""
import csv

import pytest

from clinbert_nb.sentences import MARKER, lost, restore_line_breaks, sections, sentences, unix_lines


def without_space(text): return ''.join(text.split())


DISCHARGE_HEAD = 'Name:  ___     Unit No:   ___\n\nFacility:\n___'

@pytest.mark.parametrize('note, segments', [
    # blank lines
    ('one\n\ntwo\n \n\nthree', ['one', 'two', 'three']),
    (' \n\t', []),
    ('', []),
    # rulers are kept, at their length, of several pieces, indented; within a line they are none
    ('above\n------\nbelow', ['above', '------', 'below']),
    ('above\n ---- ---- \nbelow\n\t___', ['above', '---- ----', 'below', '___']),
    ('sign: ____ date --- time', ['sign: ____ date --- time']),
    (DISCHARGE_HEAD, ['Name:  ___     Unit No:   ___', 'Facility: ___']),
    # headings: one small letter, a field of prescriptions, parentheses that do not count
    ('text\nBrief Hospital Course:\nline\nline two', ['text', 'Brief Hospital Course:', 'line\nline two']),
    ('text\nMedications on admission:\nline', ['text\nMedications on admission:\nline']),
    ('Sig: one daily\nDisp:*30*', ['Sig:', 'one daily\nDisp:*30*']),
    ('HR (bpm): 56\nWeight (in kg): 70', ['HR (bpm): 56', 'Weight (in kg): 70']),
    ('Campus: North\nService: SURGERY\n', ['Campus: North', 'Service: SURGERY']),
    ('seen by me:\n\nfine\n\nPlan:\n\nrest', ['seen by me:', 'fine', 'Plan: rest']),
    # lists: the script loses item 1, or drops the note
    ('Meds:\n1. Drugamol\n2. Fakeprin\n3) Mockine', ['Meds:', '1. Drugamol', '2. Fakeprin', '3) Mockine']),
    ('Meds:\n1. Drugamol\n20 units\n2.5 mg', ['Meds:', '1. Drugamol\n20 units\n2.5 mg']),
    ('seen at age\n20. The next year', ['seen at age\n20. The next year']),
    # one line under a heading: the script loses it if no title follows
    ('Chief Complaint:\nfake pain\n\nnot a title', ['Chief Complaint:', 'fake pain', 'not a title']),
    ('Chief Complaint:\n\nfake pain\n\nAllergies:\nnone', ['Chief Complaint: fake pain', 'Allergies: none']),
    # two headings on a line
    ('Date of Birth: [**2099-1-1**] Sex: F', ['Date of Birth: [**2099-1-1**]', 'Sex: F']),
    # line ends of other systems
    ('Labs:\r\nPlan:\r\nrest\rwalk', ['Labs:', 'Plan:', 'rest\nwalk']),
])
def test_section_rules(note, segments):
    assert [segment for _, segment in sections(note)] == segments


def test_the_head_of_a_discharge_summary():
    note = '''Admission Date:  [**2151-7-16**]     Discharge Date:  [**2151-8-4**]
Chief Complaint:
chest pain

Past Medical History:
1. Hypertension'''
    assert [segment for _, segment in sections(note)] == [
        'Admission Date:  [**2151-7-16**]',
        'Discharge Date:  [**2151-8-4**]',
        'Chief Complaint: chest pain',
        'Past Medical History: 1. Hypertension',
    ]


UNCUT = [
    'Seen by Dr. Smith and Mr. J. Doe vs. Ms. X today.',
    'Room No. 3 on Jan. 5 was full.',
    'x-ray of non-smoker in 2 - 3 days',
]

@pytest.mark.parametrize('text, expected', [
    *((text, [text]) for text in UNCUT),
    ('He slept. She did not. it is so.', ['He slept.', 'She did not. it is so.']),
    ('Fever? No! 3 beds.', ['Fever?', 'No!', '3 beds.']),
    ('Drugamol 2.5 mg p.o. q.d. PRN. He left.', ['Drugamol 2.5 mg p.o. q.d. PRN.', 'He left.']),
    ('Fakeprin 5 mg q.d. He left.', ['Fakeprin 5 mg q.d.', 'He left.']),
    ('Hepatitis C. The liver is small.', ['Hepatitis C.', 'The liver is small.']),
    ('On [**2151-7-16**] seen. [**Hospital1 18**] called.', ['On [**2151-7-16**] seen.', '[**Hospital1 18**] called.']),
    ('On ___ seen in the clinic. ___ called.\nAlert\n___ visited',
     ['On ___ seen in the clinic.', '___ called.', 'Alert', '___ visited']),
    ('Ms. ___ is a ___ year old woman with DM.\nSeen by Dr. ___ at ___ on ___.',
     ['Ms. ___ is a ___ year old woman with DM.', 'Seen by Dr. ___ at ___ on ___.']),
    ('slept well.He ate.', ['slept well.', 'He ate.']),
    ('1. Take Fakeprin. 2. Rest. 3. Come back.', ['1. Take Fakeprin.', '2. Rest.', '3. Come back.']),
    ('He said "no." (She agreed.) They left.', ['He said "no."', '(She agreed.)', 'They left.']),
    ('Neuro - alert, moves - slowly', ['Neuro', '- alert, moves', '- slowly']),
    ('exam\n-fever\n* cough\n• pain\n# gout', ['exam', '-fever', '* cough', '• pain', '# gout']),
    ('Chief Complaint:\nChest pain.\nAllergies:\n\nNone', ['Chief Complaint: Chest pain.', 'Allergies: None']),
])
def test_sentence_rules(text, expected):
    assert sentences(text) == expected


def test_a_marker_inside_a_wrapped_sentence():
    note = '''The patient was seen by Dr. [**Last Name (un) 12**] and started on
Drugamol 2.5 mg p.o. q.d. He did well.'''
    first = 'The patient was seen by Dr. [**Last Name (un) 12**] and started on Drugamol 2.5 mg p.o. q.d.'
    assert sentences(note) == [first, 'He did well.']


WRAPPED = '''The patient was taken to the operating room by the team of General
Surgery and Doctor Fake, who found
nothing. Then Anna slept.'''

def test_line_breaks_of_full_lines_are_soft():
    first, second = WRAPPED.replace('\n', ' ').split(' Then')
    assert sentences(WRAPPED) == [first, 'Then' + second]
    assert sentences('Patient was seen by\nDr. Smith in clinic.') == ['Patient was seen by Dr. Smith in clinic.']


def test_line_breaks_of_short_lines_are_hard():
    table = 'The following medications were given to the patient in the ward today\nAspirin 81 mg\nLasix 20 mg\nAlert and awake'
    first, *others = sentences(table)
    assert others == ['Lasix 20 mg', 'Alert and awake']
    assert first.endswith('Aspirin 81 mg')


@pytest.mark.parametrize('marker', [
    '[**2151-7-16**]',
    '[**Hospital1 18**]',
    '[**First Name8 (NamePattern2) **]',
    '[**Last Name: A. B - C**]',
    '[**Age over 90 **]',
    '[**---**]',
    '[**A\n1. Plan: B**]',
    '[**A\n___\nB**]',
    '___',
])
def test_markers_are_never_broken_and_kept_verbatim(marker):
    text = f'Seen at {marker} today. {marker} Later:\n{marker}\nPlan:\n- {marker}\n\n{marker}: x'
    unbroken = marker.replace('\n', ' ')
    assert sum(sentence.count(unbroken) for sentence in sentences(text)) == 5


LONGEST_LINE = 'B' + 13*'b' + ' cc dd'   # 20 characters; its first word has 14

@pytest.mark.parametrize('text, expected', [
    (f'Alpha\n{LONGEST_LINE}', ['Alpha', LONGEST_LINE]),       # 5 + 1 + 14
    (f'Alphab\n{LONGEST_LINE}', [f'Alphab {LONGEST_LINE}']),
])
def test_a_line_ends_where_the_next_word_would_have_fitted(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize('length, parts', [(50, 2), (51, 1)])
def test_sixty_characters_are_a_full_line_even_below_one_of_eighty(length, parts):
    assert len(sentences(f"{80*'x'}\n{length*'y'}\n{9*'Z'} end")) == parts


@pytest.mark.parametrize('text, expected', [
    ('Take 5 tab.\nBP 120/80 and stable all day', ['Take 5 tab.', 'BP 120/80 and stable all day']),
    ('Take 5 ml.\nBP 120/80 and stable all day', ['Take 5 ml. BP 120/80 and stable all day']),
    ('Seen in the ward by Dr.\nSmith today and yesterday.', ['Seen in the ward by Dr. Smith today and yesterday.']),
    ('Seen in the ward by Prof.\nSmith today and yesterday.', ['Seen in the ward by Prof. Smith today and yesterday.']),
])
def test_a_line_may_end_at_an_abbreviation_but_not_at_a_title(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize('text, expected', [
    ('Take 5 mg. "BP" was low.', ['Take 5 mg. "BP" was low.']),
    ('Take 5 mg. "Rest" was said.', ['Take 5 mg.', '"Rest" was said.']),
    ('Take 5 mg. (BP low) now.', ['Take 5 mg. (BP low) now.']),
    ('He weighs 70 kg. BP is low.', ['He weighs 70 kg.', 'BP is low.']),
    ('Given 5 mg. 3 days.', ['Given 5 mg. 3 days.']),
    ('On 5 mg p.o. BID now.', ['On 5 mg p.o. BID now.']),
    ('On 5 mg p.o. Then rest.', ['On 5 mg p.o.', 'Then rest.']),
    ('Seen by Dr. R. Ewing today.', ['Seen by Dr. R. Ewing today.']),
    ('Seen by M. Then R. Came.', ['Seen by M.', 'Then R.', 'Came.']),
    ('(3. Sleep) soon.', ['(3. Sleep) soon.']),
])
def test_what_follows_decides_about_an_abbreviation(text, expected):
    assert sentences(text) == expected


PIECES = [
    '\n', '\n\n', '\r\n', ' ', '\t', '\x1c', '\x85', '\ue000',
    'Plan:', 'Disp:', 'Past Medical History:', 'A (b): ', 'Admission Date: x Discharge Date: y', 'Sex:',
    '1. ', '2.', '20 ', '2.5 mg', '-', ' - ', '* ', '• x',
    '---', '____', '___', '\n___\n',
    '. ', '? ', 'Dr. ', 'q.d. ', 'He', 'slept', 'BP', '(', ')', '"', ':', ',',
    '[**', '**]', '[**2151-7-16**]', '[** Name (un) 12**]',
]

def test_nothing_is_lost_and_no_marker_broken_in_random_notes():
    from hypothesis import given, settings, strategies as st

    @settings(max_examples=1000, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40).map(''.join))
    def holds(note):
        found = sentences(note)
        assert not lost(note, found)
        assert all(sentence.strip() == sentence != '' and '\n' not in sentence for sentence in found)
        before = ''.join(MARKER.findall(unix_lines(note)))
        after = ''.join(marker for sentence in found for marker in MARKER.findall(sentence))
        assert without_space(after) == without_space(before)
    holds()


def test_nothing_is_lost_in_real_notes(open_data):
    path = open_data/'mtsamples/mtsamples.csv'
    if not path.exists(): pytest.skip('MTSamples is not here')
    with path.open(encoding='utf-8', newline='') as stream:
        notes = {row['transcription'] for row in csv.DictReader(stream)} - {''}
    assert len(notes) > 2000
    for note in notes:
        assert not lost(note, sentences(note))
        mended, marks = restore_line_breaks(note, ',')
        assert not lost(mended, sentences(mended))
        assert len(without_space(mended)) == len(without_space(note)) - marks


def test_line_breaks_come_back_where_they_were():
    flat = 'SUBJECTIVE:,  A cough, worse.  ,PLAN: , None, e.g., 1,000 mg.,Eyes:  Clear,2.  Return.'
    mended = 'SUBJECTIVE:\n  A cough, worse.  \nPLAN: \n None, e.g., 1,000 mg.\nEyes:  Clear\n2.  Return.'
    assert restore_line_breaks(flat, ',') == (mended, 5)


@pytest.mark.parametrize('flat, mended', [
    ('A:  ,b', 'A:  \nb'),
    ('A:   ,b', 'A:   ,b'),
    ('a.  ,b', 'a.  \nb'),
    ('a.   ,b', 'a.   ,b'),
    ('a., b', 'a., b'),
    ('a;,b', 'a;\nb'),
    ('a,12. b', 'a\n12. b'),
    ('a,123. b', 'a,123. b'),
    ('a,1) b', 'a\n1) b'),
])
def test_a_line_break_comes_back_within_two_spaces_of_a_colon_or_a_stop(flat, mended):
    assert restore_line_breaks(flat, ',')[0] == mended


@pytest.mark.parametrize('mark', [' ', '#', '|', '\n', '.'])
def test_a_mark_may_be_any_character(mark):
    assert restore_line_breaks(f'A:{mark}b', mark) == ('A:\nb', 1)
