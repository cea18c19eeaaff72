"""Rules of long notes that no lesson needs: they are not stuffed, and they stay with the facts."""
import re
from itertools import islice

import pytest

from clinbert_nb.long_notes import lengthen
from clinbert_nb.patients import conditions, make_patient
from clinbert_nb.pens import notes_of


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
