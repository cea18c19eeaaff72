"Bad folders, odd notes and odd models for `annotate`."
from dataclasses import replace

import pytest

from clinbert_nb.annotate import (
    Annotated, annotate, change_table, check_apart, concept_table,
    deidentify, in_original, in_sentences, left_standing, marker, open_tagger, original_offset,
    read_notes, write_annotated)
from clinbert_nb.core import CourseError
from clinbert_nb.finetuning import Tuned, load_model, save, tiny_model
from clinbert_nb.ner import Document, Span, read_brat
from clinbert_nb.tokens import load_tokenizer


def nothing(documents): return [replace(d, spans=()) for d in documents]


def test_a_missing_or_empty_folder_is_one_sentence(tmp_path):
    with pytest.raises(CourseError, match='does not exist; expected a folder of .txt files'):
        read_notes(tmp_path/'nowhere')
    with pytest.raises(CourseError, match='is an empty folder'): read_notes(tmp_path)


def test_a_folder_without_notes_is_one_sentence(tmp_path):
    (tmp_path/'a.pdf').write_text('x')
    with pytest.raises(CourseError, match='holds no .txt file; expected one for each note'):
        read_notes(tmp_path)
    (tmp_path/'a.txt').write_text('')
    (tmp_path/'b.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(CourseError, match='none of 2 .txt files is a note'): read_notes(tmp_path)


def test_offsets_count_every_character_of_the_file(tmp_path):
    text = '\ufeffFièvre 😀\r\nno cough\r\n'
    (tmp_path/'a.txt').write_bytes(text.encode())
    notes, _ = read_notes(tmp_path)
    assert notes[0].text == text
    where = text.index('cough')
    def find(documents): return [replace(d, spans=(Span(where, where+5, 'problem'),)) for d in documents]
    done = annotate(notes, find, progress=False)
    write_annotated(done, tmp_path/'out', False)
    read, = read_brat(tmp_path/'out/brat')
    assert read.text == text and read.text[read.spans[0].start:read.spans[0].end] == 'cough'


@pytest.mark.parametrize('text', ['', ' \n', '\n\n', '😀'])
def test_notes_without_words_have_no_concepts(text):
    done, = annotate([text], nothing, find_names=nothing, progress=False)
    assert done == Annotated(Document('0', text), (), {})
    assert in_sentences(Document('0', text), nothing) == Document('0', text)


def test_no_notes_are_no_result():
    assert annotate([], nothing, progress=False) == []
    assert concept_table([]).empty and change_table([]).empty and left_standing([], []).empty


def test_identifiers_at_both_ends_and_side_by_side():
    text = 'AnnFoley said so to Bob'
    spans = Span(0, 3, 'PATIENT'), Span(3, 8, 'DOCTOR'), Span(20, 23, 'PATIENT')
    new, changes = deidentify(Document('1', text, spans), 'markers')
    assert new.text == '[**Name 1**][**Name 2**] said so to [**Name 3**]'
    assert [in_original(Span(c.new_start, c.new_end, 'x'), changes) for c in changes] == [
        Span(0, 3, 'x'), Span(3, 8, 'x'), Span(20, 23, 'x')]
    assert original_offset(len(new.text), changes, end=True) == len(text)


def test_overlapping_identifiers_are_replaced_once():
    new, changes = deidentify(Document('1', 'Ann Foley', (Span(0, 9, 'PATIENT'), Span(4, 9, 'DOCTOR'))), 'markers')
    assert new.text == '[**Doctor 1**]' and len(changes) == 1


def test_a_span_over_a_replacement_is_the_whole_of_it():
    new, changes = deidentify(Document('1', 'seen by Dr Foley today', (Span(11, 16, 'DOCTOR'),)), 'markers')
    inside = Span(new.text.index('Name'), new.text.index('1'), 'problem')
    assert in_original(inside, changes) == Span(11, 16, 'problem')


@pytest.mark.parametrize('type, words, expected', [
    ('LOCATION-OTHER', 'the pier', '[**Location 1**]'),
    ('ID', '12-3', '[**Number 1**]'),
    ('SOMETHING', 'words', '[**Unknown 1**]')])
def test_unknown_types_have_markers(type, words, expected): assert marker(type, words, 1) == expected


def test_a_classifier_is_no_tagger(tmp_path):
    start = tiny_model(tmp_path/'start', ['no', 'cough'])
    model = load_model(start, ['no', 'yes'], say=False)
    folder = save(Tuned(model, load_tokenizer(start), None, str(start)), tmp_path/'x', {})
    with pytest.raises(CourseError, match='x is no tagger'): open_tagger(folder)
    with pytest.raises(CourseError, match='no classification head'): open_tagger(start)


def test_the_same_folder_is_not_both(tmp_path):
    for notes, output in ((tmp_path, tmp_path), (tmp_path/'a', tmp_path), (tmp_path, tmp_path/'a')):
        with pytest.raises(CourseError, match='in one another'): check_apart(notes, output)
    check_apart(tmp_path/'a', tmp_path/'ab')
