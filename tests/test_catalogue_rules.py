"""The catalogue: what abstracts and notes are marked with, and what the readers of normalization make of it."""
import re
from collections import Counter

import pytest

from clinbert_nb.catalogue import (
    FIRST_NOTES, REACTIONS, SIZES, Entry, Habit, Meaning, book_of, british, difficulty,
    ensure_catalogue, entries, entry_of, genetics_abstract, letters, made_documents, number_of,
    pharmacology_abstract, plural, pubtator_block, terms_of, ways, write_abstracts)
from clinbert_nb.normalization import mentions_of, read_medic, read_mrconso, read_pubtator


@pytest.fixture(scope='module')
def book(): return book_of(0)


# abstracts

@pytest.fixture(scope='module')
def abstracts():
    "Text and marks of abstracts of both kinds."
    both = [write(number, 0) for number in range(60) for write in (genetics_abstract, pharmacology_abstract)]
    return [(title, f'{title} {body}', marks) for title, body, marks, *_ in both]


@pytest.fixture(scope='module')
def marked(abstracts):
    "The words of each mark, their first letter small, and its meaning."
    return [(text[a].lower() + text[a+1:b], m) for _, text, marks in abstracts for a, b, m in marks]


def test_abstracts_are_plain_text(abstracts):
    assert all(text.isascii() and title.endswith(('.', '?')) for title, text, _ in abstracts)


def test_marks_do_not_overlap(abstracts):
    assert all(x[1] <= y[0] for _, _, marks in abstracts for x, y in zip(marks, marks[1:]))


def test_every_type_of_mention_occurs(marked):
    assert {m.type for _, m in marked} == {
        'SpecificDisease', 'DiseaseClass', 'CompositeMention', 'Modifier', 'Chemical'}


def _known_names(m):
    names = {w.lower() for n in m.names if n in entries() for forms in ways(n).values() for w in forms}
    return names | set(map(british, names))


def test_diseases_are_called_what_they_are(marked):
    adjectives = 'severe', 'recurrent', 'early', 'bilateral', 'congenital'
    for said, m in marked:
        if m.type not in ('SpecificDisease', 'Modifier', 'DiseaseClass'): continue
        is_short, is_graded = said[1:] == said[1:].upper(), said.split()[0] in adjectives
        assert is_short or is_graded or said.lower() in _known_names(m), said


def test_chemicals_are_called_what_they_are(marked):
    assert all(said.lower() == m.names[0].lower() for said, m in marked if m.type == 'Chemical')


def test_parts_of_composite_mentions_are_written_out(marked):
    composite = [(said, m) for said, m in marked if m.parts]
    for said, m in composite:
        assert len(m.names) == len(m.parts) == 2 and re.search(r' (and|or) ', said)
        for part in m.parts:
            last = part.split()[-1]
            assert set(part.lower().split()) - set(said.lower().split()) <= {last, plural(last)}
    assert composite


@pytest.fixture(scope='module')
def written(tmp_path_factory, book):
    folder = tmp_path_factory.mktemp('abstracts')
    write_abstracts(folder, book, 0)
    return {(corpus, part): read_pubtator(folder/corpus/f'{part}.txt') for corpus, parts in SIZES.items() for part in parts}


def test_files_have_their_size_and_no_abstract_twice(written):
    for corpus, parts in SIZES.items():
        ids = [{d.doc_id for d in written[corpus, part][0]} for part in parts]
        assert list(map(len, ids)) == list(parts.values()) and len(set().union(*ids)) == sum(parts.values())


def test_each_corpus_has_its_habits(written):
    odd_here = {'relation, not used', 'mention without a concept', 'mention of several concepts'}
    for (corpus, _), (_, odd) in written.items():
        assert set(odd) <= odd_here and odd['mention of several concepts']
        assert (odd['mention without a concept'] > 0) == (odd['relation, not used'] > 0) == (corpus == 'cdr')


def test_a_block_of_cdr_has_parts_and_relations(book):
    lost = next(n for n, e in entries().items() if e.kind == 'rare' and n not in book.medic)
    drug = next(iter(book.chemicals))
    marks = [(5, 14, Meaning(('gout', lost), 'CompositeMention', ('C e', 'd e')))]
    block = pubtator_block('1', 'A b.', 'C and d e.', marks, book, 'cdr', (drug, 'gout'))
    assert f"\t{number_of('gout', book, 'cdr')}|-1\tC e|d e\n" in block
    assert f"1\tCID\t{book.chemicals[drug].removeprefix('MESH:')}\t" in block


def test_a_wider_concept_stands_in_for_one_that_is_missing(book):
    for lost in (n for n, e in entries().items() if e.kind == 'rare' and n not in book.medic):
        parents = entries()[lost].parents
        ids = {book.medic[p] for p in parents} | {book.old[p] for p in parents if p in book.old}
        assert number_of(lost, book, 'ncbi') in {id.removeprefix('MESH:') for id in ids}


# notes

@pytest.fixture(scope='module')
def notes(): return made_documents(25, 0)


@pytest.fixture(scope='module')
def spans(notes): return [(d.text[s.start:s.end], s) for d in notes for s in d.spans]


@pytest.fixture(scope='module')
def names(spans, book):
    "Entries, or graded ones, that annotators chose."
    return {terms_of(book)[code] for _, s in spans for code in s.ids}


def test_notes_are_the_same_every_time(notes):
    first = sorted({d.group for d in notes})[:3]
    assert notes == made_documents(25, 0) != made_documents(25, 1)
    assert made_documents(3, 0) == [d for d in notes if d.group in first]
    assert {d.group for d in notes} == {str(10_000 + FIRST_NOTES + i) for i in range(25)}


def test_notes_have_four_types(spans):
    types = Counter(s.type for _, s in spans)
    assert set(types) == {'ADE', 'SSLIF', 'Indication', 'Drug'} and types['ADE'] > 10
    assert all(not s.ids for _, s in spans if s.type == 'Drug')


def test_each_span_has_at_most_one_known_code(spans, book):
    terms = terms_of(book)
    for said, s in spans: assert said == said.strip() and len(s.ids) <= 1 and all(c in terms for c in s.ids)


def test_adverse_events_are_known_reactions(spans, book):
    for said, s in spans:
        if s.type != 'ADE': continue
        name = terms_of(book)[s.ids[0]] if s.ids else ''
        base = book.doubles.get(name, name)
        assert letters(said) in {letters(form) for form in (base, *entries()[base].short)}
        assert any(base in reactions for reactions in REACTIONS.values())


def test_annotators_choose_rare_graded_double_and_wider_entries(names, book):
    assert sum(entries().get(n, Entry('', '')).kind == 'rare' for n in names) > 20
    assert names & set(book.graded) and names & set(book.doubles)
    assert any(entries()[n].kind == 'class' for n in names if n in entries())


def test_where_snomed_has_no_code_meddra_has(spans):
    assert any(code.startswith('MDR') for _, s in spans for code in s.ids if s.type != 'ADE')


def test_habits_decide(book):
    severe = next(g for g in book.graded if g.startswith('severe') and g in book.snomed)
    double, base = next(iter(book.doubles.items()))
    assert entry_of(severe, book.graded[severe], book) == severe
    assert entry_of(severe, book.graded[severe], book, Habit()) == book.graded[severe]
    assert entry_of('hepatic cyst', 'hepatic cyst', book, Habit(wider=1.)) == 'cysts'
    assert entry_of('x', base, book, Habit(findings=True)) == double


def test_typing_errors_do_not_mislead_annotators(book):
    assert entry_of('sever easthma', 'asthma', book) in ('asthma', 'severe asthma')
    assert entry_of('hyopkalemia', '', book) == 'hypokalemia'
    assert entry_of('chronic kidney disease', 'chronic kidney disease', book) == 'chronic kidney disease'


# readers

@pytest.fixture(scope='module')
def catalogue(): return ensure_catalogue()


@pytest.fixture(scope='module')
def medic(catalogue): return read_medic(catalogue/'CTD_diseases.tsv')


@pytest.fixture(scope='module')
def umls(catalogue): return read_mrconso(catalogue/'MRCONSO.RRF')


def test_medic_is_read_without_complaint(medic, book):
    vocabulary, odd = medic
    assert len(vocabulary) == len(book.medic) and set(odd) <= {'name of more than one concept'}
    assert vocabulary.concepts[book.medic['gout'].removeprefix('MESH:')].parents


def test_umls_is_read_without_complaint(umls, book):
    vocabulary, odd = umls
    assert set(odd) <= {'name of another source', 'suppressed name', 'name of more than one concept'}
    assert len(vocabulary) == len(set(book.snomed) | set(book.meddra))


def test_codes_of_both_sources_lead_to_one_concept(umls, book):
    both = [n for n in book.meddra if n in book.snomed]
    for name in both[:20]:
        codes = f'SNOMEDCT_US:{book.snomed[name]}', f'MDR:{book.meddra[name]}'
        assert [umls[0].resolve(code) for code in codes] == [book.cui[name]]*2


def test_suppressed_names_can_be_read(catalogue, umls):
    assert read_mrconso(catalogue/'MRCONSO.RRF', suppressed=True)[1]['suppressed name'] == 0 < umls[1]['suppressed name']


def test_spanish_names_are_another_language(catalogue):
    _, odd = read_mrconso(catalogue/'MRCONSO.RRF', sources=('SNOMEDCT_US', 'MDR', 'MDRSPA'))
    assert odd['name in another language'] > 3


@pytest.mark.parametrize('corpus, types', [('ncbi', None), ('cdr', ['Disease'])])
def test_abstracts_are_read_without_complaint_and_are_hard(catalogue, medic, corpus, types):
    vocabulary, _ = medic
    parts = {part: mentions_of(read_pubtator(catalogue/corpus/f'{part}.txt', types)[0], vocabulary) for part in SIZES[corpus]}
    for _, odd in parts.values():
        assert 'id that is not in the vocabulary' not in odd and odd['short form written out']
    (train, _), (test, _) = parts['train'], parts['test']
    hard = difficulty(train, test, vocabulary)
    assert 10 < hard['concepts unseen in training, %'] < 70 and 30 < hard['in it when written out, %'] < 90


@pytest.mark.parametrize('train, other, types, expected', [
    ('ncbi_disease/NCBItrainset_corpus.txt', 'ncbi_disease/NCBIdevelopset_corpus.txt', None, (787, 63, 65, 25, 4, 27)),
    ('bc5cdr/CDR_TrainingSet.PubTator.txt', 'bc5cdr/CDR_DevelopmentSet.PubTator.txt', ['Disease'], (4244, 60, 63, 7, 2, 39)),
])
def test_the_real_corpora_are_about_as_hard(open_data, train, other, types, expected):
    vocabulary = read_medic(open_data/'medic_2012/medic_06Jul2012.txt')[0]
    mentions = [mentions_of(read_pubtator(open_data/name, types)[0], vocabulary)[0] for name in (train, other)]
    found = difficulty(*mentions, vocabulary)
    columns = ('mentions', 'in the vocabulary, %', 'in it when written out, %', 'short forms, %', 'composite, %',
               'concepts unseen in training, %')
    assert [found[column] for column in columns] == pytest.approx(expected, abs=.6)
