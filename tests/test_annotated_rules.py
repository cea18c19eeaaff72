"""What annotated notes promise, beyond the examples of their notebook: over many patients, and over texts at random."""
import random
import re
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinbert_nb.annotated import (
    EPONYMS, FIRST_PATIENT, MODIFIERS, NAME_SHARE, NOUNS, PHRASES, RARE_DRUGS, SCHEMES, SITES, SLOTS, Author,
    annotated_notes, concept_documents, concept_type, cover, eponym_mentions, eponym_pattern, event_documents,
    identity_documents, identity_kind, identity_of, named, uncover, with_identity, wordings)
from clinbert_nb.hospital import patient_notes
from clinbert_nb.patients import ClinicalConcept, Lab, make_patient

PRIVATE = re.compile('[\U000F0000-\U0010FFFF]')
at_random = partial(settings, deadline=None, derandomize=True, database=None)


def squeezed(text):
    "The letters of a text in order: a typing error swaps two, a line break is a space."
    return sorted(''.join(text.split()).lower())


def everything(about): return about


PIECES = st.tuples(st.text('abz 19(%', min_size=1, max_size=6), st.none() | st.integers(0, 510))


@at_random(max_examples=300)
@given(st.lists(PIECES, max_size=8))
def test_marks_survive_any_composition(pieces):
    text, expected, at = '', [], 0
    for words, number in pieces:
        marked = number is not None and not words[0].isspace()
        text += cover(words, number) if marked else words
        if marked: expected.append((at, at+len(words.rstrip()), number))
        at += len(words)
    plain, marks = uncover(text)
    assert plain == ''.join(words for words, _ in pieces)
    assert marks == expected
    assert not PRIVATE.search(plain)


def nested(inner): return st.tuples(st.integers(0, 9), st.lists(inner, min_size=1, max_size=3))
def readable(node): return node if isinstance(node, str) else 'x' + ''.join(map(readable, node[1]))


def written(pen, node):
    "A text, or a number and the texts inside of its mark, as an author writes it."
    if isinstance(node, str): return node
    return pen.mark('x' + ''.join(written(pen, n) for n in node[1]), node[0])


@at_random(max_examples=200)
@given(st.lists(st.recursive(st.text('abc ', min_size=1, max_size=4), nested, max_leaves=9), max_size=5))
def test_of_marks_inside_of_marks_the_outer_one_stays(nodes):
    pen, at, expected = Author(random.Random(0), kind_of=everything), 0, []
    plain, marks = uncover(''.join(written(pen, node) for node in nodes))
    assert plain == ''.join(map(readable, nodes))
    for node in nodes:
        if not isinstance(node, str): expected.append((at, at+len(readable(node).rstrip()), node[0]))
        at += len(readable(node))
    assert pen.kinds_in(marks) == expected


@pytest.mark.parametrize('long', [False, True], ids=['short', 'long'])
def test_annotated_notes_are_the_hospitals(long):
    for number in range(12):
        rows = [row for row, _ in annotated_notes(number, 0, everything, long_notes=long)]
        assert rows == list(patient_notes(number, 0, long_notes=long))


@pytest.mark.parametrize('long', [False, True], ids=['short', 'long'])
def test_marks_are_in_order_and_have_no_space_at_their_ends(long):
    for number in range(12):
        for row, marks in annotated_notes(number, 0, everything, long_notes=long):
            text = row[-1]
            assert all(0 <= a < b <= len(text) for a, b, _ in marks)
            assert not any(text[a].isspace() or text[b-1].isspace() for a, b, _ in marks)
            assert all(x[1] <= y[0] for x, y in zip(marks, marks[1:]))
            assert not PRIVATE.search(text)


def test_the_text_at_a_mark_is_what_was_marked():
    for number in range(12):
        for row, marks in annotated_notes(number, 0, everything, long_notes=number % 2 == 0):
            for a, b, about in marks:
                text = row[-1][a:b]
                if isinstance(about, ClinicalConcept): assert squeezed(text) in map(squeezed, about.forms()), (text, about)
                elif isinstance(about, Lab): assert squeezed(text) in (squeezed(about.name), squeezed(about.short))
                elif about == 'age': assert text == str(make_patient(number, 0).age)
                elif about != 'abnormal': assert re.fullmatch(r'\[\*\*.*\*\*\]', text, re.S)


@pytest.fixture(scope='module')
def concepts(): return concept_documents(25, 0)


def test_drugs_on_admission_are_treatments(concepts):
    for d in concepts:
        if 'Medications on Admission:' not in d.text: continue
        given = [squeezed(f.concept.name) for f in make_patient(int(d.group)-10000, 0).of('drug')]
        start, stop = map(d.text.index, ('Medications on Admission:', 'Discharge Medications:'))
        here = [s for s in d.spans if start < s.start < stop]
        assert [squeezed(d.text[s.start:s.end]) for s in here] == given
        assert all(s.type == 'treatment' for s in here)


def test_findings_of_several_words_are_marked(concepts):
    problems = {' '.join(d.text[s.start:s.end].split()) for d in concepts for s in d.spans if s.type == 'problem'}
    assert 'bibasilar crackles' in problems


def test_a_heading_is_no_test(concepts):
    labs = [d.text[s.end:s.end+2] for d in concepts for s in d.spans if d.text[s.start:s.end] == 'Labs']
    assert ' /' not in labs


def is_rare(c):
    "Whether a concept is one of the long tail."
    words, nouns = c.name.split(), sum(NOUNS.values(), [])
    return not c.short and (c.name in RARE_DRUGS or words[0] in SITES and words[-1] in nouns)


def test_what_is_rare_is_a_concept_of_its_own():
    def concept(about): return about if isinstance(about, ClinicalConcept) else None
    notes = annotated_notes(FIRST_PATIENT, 0, concept, variety=.9)
    rare = [(row[-1][a:b].lower(), c) for row, marks in notes for a, b, c in marks if is_rare(c)]
    assert len(rare) > 30
    assert {concept_type(c) for _, c in rare} >= {'problem', 'treatment'}
    adjectives = ' '.join(MODIFIERS.values())
    plain = [(text, c) for text, c in rare if text.split()[0] not in adjectives]
    assert all(squeezed(text) == squeezed(c.name) for text, c in plain)


def test_rare_examinations_are_tests():
    assert all(concept_type(ClinicalConcept(f'hepatic {n}', kind='test')) == 'test' for n in NOUNS['test'])


MAKERS = {
    'concepts': concept_documents,
    'events': event_documents,
    '2006': partial(identity_documents, scheme='2006'),
    '2014': partial(identity_documents, scheme='2014'),
}
every_corpus = pytest.mark.parametrize('make', MAKERS.values(), ids=MAKERS)


@every_corpus
def test_documents_are_the_same_every_time(make):
    documents = make(8, 0)
    assert documents == make(8, 0) != make(8, 1)
    three = sorted({d.group for d in documents})[:3]
    assert make(3, 0) == [d for d in documents if d.group in three]


@every_corpus
def test_each_document_has_an_id_and_a_patient(make):
    documents = make(8, 0)
    assert len({d.group for d in documents}) == 8
    assert len({d.doc_id for d in documents}) == len(documents)


@every_corpus
def test_spans_are_in_order_and_have_no_space_at_their_ends(make):
    for d in make(8, 0):
        assert d.text.isascii() and d.spans
        assert all(x.end <= y.start for x, y in zip(d.spans, d.spans[1:]))
        assert all(0 <= s.start < s.end <= len(d.text) for s in d.spans)
        assert all(d.text[s.start:s.end] == d.text[s.start:s.end].strip() for s in d.spans)


def test_events_hold_the_concepts_and_hospitals():
    concepts = {d.text: d for d in concept_documents(20, 0)}
    for d in event_documents(20, 0):
        same = {(s.start, s.end, s.type.upper()) for s in concepts[d.text].spans}
        assert same <= {(s.start, s.end, s.type) for s in d.spans}
        hospitals = [s for s in d.spans if d.text[s.start:s.start+11] == '[**Hospital']
        assert hospitals and all(s.type == 'CLINICAL_DEPT' for s in hospitals)


every_scheme = pytest.mark.parametrize('scheme', SCHEMES)
documents_of = {scheme: partial(identity_documents, 15, 0, scheme) for scheme in SCHEMES}


def lower(words): return {word.lower() for word in words}


@every_scheme
def test_names_are_those_of_the_people_around_a_patient(scheme):
    for d in documents_of[scheme]():
        who = identity_of(make_patient(int(d.group)-10000, 0), 0)
        own = lower({*who.patient, *who.relatives})
        doctors = lower(part for first, *rest in who.doctors for part in (first, first[0], *rest))
        initials = {named(doctor, 'initials') for doctor in who.doctors}
        for s in d.spans:
            text = d.text[s.start:s.end]
            parts = set(re.findall(r"[\w']+", text.lower()))
            if s.type == 'PATIENT': assert parts <= own, text
            if s.type == 'DOCTOR': assert parts <= doctors or text in initials, text


@every_scheme
def test_hospitals_and_numbers_are_those_of_the_patient(scheme):
    for d in documents_of[scheme]():
        who = identity_of(make_patient(int(d.group)-10000, 0), 0)
        hospitals = lower(form for hospital in who.hospitals for form in hospital)
        for s in d.spans:
            text = d.text[s.start:s.end]
            if s.type == 'HOSPITAL': assert ' '.join(text.split()).lower() in hospitals, text
            if s.type == 'MEDICALRECORD': assert text == who.numbers['mrn']
            if s.type == 'AGE': assert text.isdigit() and (scheme == '2014' or int(text) > 89)


def test_patients_have_different_names():
    assert len({identity_of(make_patient(i, 0), 0).patient for i in range(200)}) > 195


def test_birth_and_admission_agree_with_the_age():
    for number in range(60):
        p = make_patient(number, 3)
        who = identity_of(p, 3)
        not_yet = (who.admitted.month, who.admitted.day) < (who.born.month, who.born.day)
        assert who.admitted.year - who.born.year - not_yet == p.age


@every_scheme
def test_surrogates_stand_where_markers_stood_and_nothing_else_changes(scheme):
    for number in range(10):
        p = make_patient(number, 0)
        who = identity_of(p, 0)
        for row, marks in annotated_notes(number, 0, identity_kind):
            text, spans = with_identity((row[-1], marks), who, scheme, random.Random(number))
            rest = re.split(r'\[\*\*.*?\*\*\]', row[-1], flags=re.S)
            assert '[**' not in text
            assert re.fullmatch('.+?'.join(map(re.escape, rest)), text, re.S)
            unmarked = sum(kind == 'age' for *_, kind in marks) if scheme == '2006' and p.age < 90 else 0
            assert len(spans) == len(marks) - unmarked
            assert text.count('\n') == row[-1].count('\n')


TYPES_OF_2014 = '''\
AGE BIOID CITY COUNTRY DATE DEVICE DOCTOR EMAIL FAX HEALTHPLAN HOSPITAL IDNUM LOCATION-OTHER MEDICALRECORD ORGANIZATION
PATIENT PHONE PROFESSION STATE STREET URL USERNAME ZIP
'''


def test_slots_have_all_types_of_2014():
    assert {row['2014'] for row in SLOTS.values()} | {'DATE', 'AGE'} == set(TYPES_OF_2014.split())


def surnames_of(who):
    "The surnames around a patient, that of the hospitals too."
    hospitals = [name.split()[0] for name, _ in who.hospitals]
    return [who.patient[-1], *(doctor[-1] for doctor in who.doctors), *hospitals]


def test_one_surname_in_ten_is_an_eponym():
    surnames = [name for i in range(300) for name in surnames_of(identity_of(make_patient(i, 0), 0))]
    assert abs(sum(name in EPONYMS for name in surnames)/len(surnames) - NAME_SHARE) < .02
    assert set(EPONYMS) <= set(surnames)


@every_scheme
def test_both_corpora_have_eponyms_as_names_and_as_medical_words(scheme):
    documents, pattern = identity_documents(60, 0, scheme), eponym_pattern()
    found = [(s.type, pattern.search(d.text[s.start:s.end])) for d in documents for s in d.spans]
    names = {(kind, match[0].title()) for kind, match in found if match}
    medical = [{d.text[s.start:s.end].title() for s in eponym_mentions(d)} for d in documents]
    assert {'PATIENT', 'DOCTOR', 'HOSPITAL'} <= {kind for kind, _ in names}
    assert len({name for _, name in names} & set.union(*medical)) > 5
    assert .4 < sum(map(bool, medical))/len(medical) < .8


@every_scheme
def test_an_eponym_as_a_medical_word_is_never_in_a_span(scheme):
    words = wordings([*sum(PHRASES.values(), []), "Crohn's", "Parkinson's", "Hodgkin's"])
    documents = identity_documents(40, 1, scheme)
    matches = [(d, m) for d in documents for m in words.finditer(d.text)]
    assert len(matches) > 20
    for d, m in matches: assert not any(s.start < m.end() and m.start() < s.end for s in d.spans)


