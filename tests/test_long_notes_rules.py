"""Rules of long notes that no lesson needs: they are not stuffed, and they stay with the facts."""
import random
import re
from itertools import islice

import pytest

from clinbert_nb.long_notes import facts_for, lengthen
from clinbert_nb.patients import conditions, make_patient
from clinbert_nb.pens import Pen, fill, forms, notes_of

LONG_FORMS = [*(name for name in forms() if name.startswith('image ')),
              'story', 'exam', 'course', 'shift', 'review', 'home', 'echo', 'tracing']


@pytest.fixture(scope='module')
def patient():
    "The first patient who has something of every kind."
    kinds = ('sign', 'absent', 'drug', 'procedure')
    return next(p for p in (make_patient(i, 0) for i in range(99)) if all(p.of(kind) for kind in kinds))


@pytest.mark.parametrize('form', LONG_FORMS)
def test_every_blank_of_every_form_is_known(form, patient):
    pen = Pen(random.Random(0))
    filled = [fill(pen, sentence, facts_for(pen, patient, 1, {})) for sentence in forms()[form]]
    assert all(filled) and not set('{}|') & set(''.join(filled))


def test_there_are_more_than_eighty_sentences():
    assert sum(len(forms()[form]) for form in LONG_FORMS) > 80


@pytest.fixture(scope='module')
def mean_length():
    "Category → mean length of the long notes of forty patients."
    lengths = {}
    for i in range(40):
        for row in notes_of(i, 0, lengthen=lengthen): lengths.setdefault(row[5], []).append(len(row[-1]))
    return {category: sum(n)/len(n) for category, n in lengths.items()}


@pytest.mark.parametrize('category, least, most', [
    ('Discharge summary', 9000, 13000),
    ('Physician ', 4500, 8000),
    ('Nursing', 1500, 2500),
    ('Echo', 1500, 3000),
    ('Radiology', 1000, 2000),
    ('Nursing/other', 800, 1200),
    ('ECG', 150, 350),
])
def test_a_long_note_is_as_long_as_in_mimic(mean_length, category, least, most):
    assert least < mean_length[category] < most


def distinct(longer, enough=20_000):
    "The share of different sentences among the first of sixty patients."
    texts = (row[-1] for i in range(60) for row in notes_of(i, 0, lengthen=longer))
    sentences = (' '.join(s.split()) for text in texts for s in re.split(r'(?<=[.:;])\s+', text))
    return len(set(islice(sentences, enough)))/enough


def test_long_notes_are_not_stuffed_with_the_same_sentences():
    assert distinct(lengthen) > distinct(None)


@pytest.mark.parametrize('number', [3, 17, 40])
def test_the_course_names_no_drug_that_the_patient_does_not_have(number):
    *_, summary = notes_of(number, 0, lengthen=lengthen)
    course = summary[-1].split('Brief Hospital Course:')[1].split('Medications on Admission:')[0]
    drugs = {drug.name for condition in conditions().values() for drug in condition.drugs}
    named = {drug for drug in drugs if re.search(rf'\b{re.escape(drug)}\b', course)}
    assert named and named <= {fact.concept.name for fact in make_patient(number, 0).facts}


def test_a_category_without_sections_is_not_lengthened():
    rows = list(notes_of(5, 0, lengthen=lambda *args: lengthen(*args, sections={'ECG': ()})))
    assert [row[-1] for row in rows] == [row[-1] for row in notes_of(5, 0)]
