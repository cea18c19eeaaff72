"""The rules of 11_normalization for short forms, case by case, and how often they are right in texts that were read."""
import csv
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from clinbert_nb.ner import Document, Span
from clinbert_nb.normalization import (
    Concept, Mention, Vocabulary, Words, aligned, ambiguous, cleaned, definitions, expanded, find_abbreviations, is_short_form,
    known_names, long_form, look_up, mentions_of, price_of_beginning, price_of_leaving_out, read_pubtator, spelled_out)


def explained(text): return {d.short: d.long for d in definitions(text)}


@pytest.mark.parametrize('text, expected', [
    ('heart failure (HF) and', {'HF': 'heart failure'}),
    ('the hypoxanthine (HPRT) gene', {}),
    ('in 20 patients (12 men)', {}),
    ('nothing (x)', {}),
    ('', {}),
    ('Wilson disease (WD; OMIM 277900)', {'WD': 'Wilson disease'}),
    ('First here. ataxia-telangiectasia (A-T)', {'A-T': 'ataxia-telangiectasia'}),
    ('heart failure (HF) or hay fever (HF)', {'HF': 'heart failure'}),
    ('APC gene (APC)', {}),
    ('alpha-galactosidase A (GLA) gene', {'GLA': 'alpha-galactosidase A'}),   # a Greek letter belongs to it
])
def test_the_first_explanation_of_each_short_form(text, expected): assert find_abbreviations(text) == expected


def test_the_first_letter_begins_a_word():
    assert long_form('ab', 'a b') == 'a b' and long_form('ab', 'xa b') is None


@pytest.mark.parametrize('text, expected', [
    ('Mindful memoization (MM) was used.', {'MM': 'Mindful memoization'}),
    ('attenuated adenomatous polyposis coli (AAPC)', {'AAPC': 'attenuated adenomatous polyposis coli'}),
    ('cytochrome c oxidase (COX)', {'COX': 'cytochrome c oxidase'}),
    ('the putative 5-phosphoribosyl-1-pyrophosphate (PRPP)', {'PRPP': '5-phosphoribosyl-1-pyrophosphate'}),
    ('tissue-type plasminogen activator (tPA)', {'tPA': 'tissue-type plasminogen activator'}),
    ('an anti-tumor necrosis factor (TNF) drug', {'TNF': 'tumor necrosis factor'}),
    ('in the transthoracic echocardiography (TTE)', {'TTE': 'transthoracic echocardiography'}),
    ('an (insulin-dependent) diabetes mellitus (IDDM)', {'IDDM': '(insulin-dependent) diabetes mellitus'}),
])
def test_a_long_form_begins_where_authors_begin(text, expected): assert explained(text) == expected


@pytest.mark.parametrize('text, expected', [
    ('Cases of SBMA (spinal and bulbar muscular atrophy) were seen.', {'SBMA': 'spinal and bulbar muscular atrophy'}),
    ('CSF (cerebrospinal fluid; 2 ml)', {'CSF': 'cerebrospinal fluid'}),
    ('PBC (decompensated liver cirrhosis)', {}),
    ('CML (splenomegaly or basophilia)', {}),
    ('AT (AT1 and AT2)', {}),
    ('HD (healthy donors and others)', {}),
])
def test_the_short_form_may_come_first(text, expected): assert explained(text) == expected


@pytest.mark.parametrize('text', ['Duchenne muscular dystrophy [DMD]', '(seen in Duchenne muscular dystrophy [DMD])'])
def test_brackets_may_be_square(text): assert explained(text) == {'DMD': 'Duchenne muscular dystrophy'}


ATAXIAS = {'FA1': 'fakeoid ataxia 1', 'FA2': 'fakeoid ataxia 2'}
STORAGE = {f'GSD {n}': f'glycogen storage disease type {n}' for n in ('I', 'II', 'III')}


@pytest.mark.parametrize('text, expected', [
    ('fakeoid ataxias 1 and 2 (FA1 and FA2)', ATAXIAS),
    ('fakeoid ataxias 1 and 2 (FA1/2)', ATAXIAS),
    ('of fakeoid ataxias 1 or 2 [FA1, FA2]', ATAXIAS),
    ('glycogen storage disease types I, II and III (GSD I, GSD II, and GSD III)', STORAGE),
    ('glycogen storage disease types I, II and III (GSD I, II, III)', STORAGE),
    ('hepatitis A and B viruses (HAV and HBV)', {'HAV': 'hepatitis A virus', 'HBV': 'hepatitis B virus'}),
    ('mucopolysaccharidoses I and II (MPS I, MPS II)', {'MPS I': 'mucopolysaccharidosis I', 'MPS II': 'mucopolysaccharidosis II'}),
    ('Duchenne or Becker muscular dystrophy (DMD, BMD)', {'DMD': 'Duchenne muscular dystrophy', 'BMD': 'Becker muscular dystrophy'}),
    ('endothelial and inducible NOS (eNOS and iNOS, respectively)', {'eNOS': 'endothelial NOS', 'iNOS': 'inducible NOS'}),
    ('benzodiazepines or related drugs (BZDs/RDs)', {'BZDs': 'benzodiazepines', 'RDs': 'related drugs'}),
    ('hereditary breast and ovarian cancer (HBOC)', {'HBOC': 'hereditary breast and ovarian cancer'}),   # one disease
])
def test_each_part_of_a_list_has_its_own_long_form(text, expected): assert explained(text) == expected


@pytest.mark.parametrize('text', [
    'fakeoid ataxias 1 and 2 (FA2)',
    'fakeoid ataxias 1 and 2 (FA1 and FB2)',
    'fakeoid ataxias I, II (FA I/FA III)',
    'hepatitis A and B (HAV and HBV)',
])
def test_no_short_form_inherits_a_list(text): assert explained(text) == {}


@pytest.mark.parametrize('text', [
    'of nine (n = 30) men',
    'two weeks (2 weeks)',
    'placebo (P < 0.05)',
    'first image (Fig. 1)',
    'in Jersey and Prague (Japan)',
    'treated with it (i.e. not)',
    'milligrams of drug (20 mg)',
    'men who had (men)',
    'an anophthalmia or microphthalmos (AOR 3.1)',
    'normal [Na]o',
    'of genes EDM1, no. 132400 and others (EDM2)',
])
def test_what_is_no_short_form(text): assert explained(text) == {}


@pytest.mark.parametrize('text, expected', [
    ('an odds ratio (OR = 2.1)', {'OR': 'odds ratio'}),
    ('relative risk (RR 1.2-3)', {'RR': 'relative risk'}),
])
def test_a_short_form_may_have_a_value(text, expected): assert explained(text) == expected


@pytest.mark.parametrize('text, expected', [
    ('alpha of the beta (AB)', {'AB': 'alpha of the beta'}),   # twice as many words as letters
    ('alpha of the very beta (AB)', {}),
    ('acute and more than one fine oedema lungs (AFOL)', {'AFOL': 'acute and more than one fine oedema lungs'}),
    ('acute and more than only one fine oedema lungs (AFOL)', {}),
])
def test_a_long_form_is_looked_for_in_as_many_words_as_it_may_have(text, expected): assert explained(text) == expected


def test_a_capitalized_word_is_no_short_form_by_its_looks():
    looks = 'Japan', 'BC', 'GSD II', 'kb', 'i.v.', 'Fig. 1', 'P'
    assert [text for text in looks if is_short_form(text)] == ['BC', 'GSD II', 'kb', 'i.v.']


@pytest.mark.parametrize('word, price', [('of', 1), ('2', 1), ('heart', 2)])
def test_small_words_and_numbers_cost_half(word, price): assert price_of_leaving_out([word]) == price


@pytest.mark.parametrize('q, p, price', [(0, 1, 1), (0, 2, 2), (0, 5, 0), (0, 6, 2), (0, 10, 2), (0, 17, 4), (6, 7, 1)])
def test_prices_of_steps_by_hand(q, p, price): assert Words('apob loss of the mind').price_of_step(q, p) == price


@pytest.mark.parametrize('q, price', [(0, 6), (5, 4), (13, 2), (17, 0)])
def test_prices_of_the_rest_by_hand(q, price): assert Words('apob loss of the mind').price_of_rest(q) == price


@pytest.mark.parametrize('text, place, price', [('anti-tumor', 5, 3), ('alpha-tumor', 6, 0), ('omega-tumor', 6, 0), ('5-tumor', 2, 0)])
def test_a_greek_letter_may_stand_in_front(text, place, price): assert price_of_beginning(text, place) == price


# Mentions

@pytest.mark.parametrize('mention, abbreviations, expected', [
    ('HF, not HFX', {'HF': 'heart failure'}, 'heart failure, not HFX'),
    ('A-T', {'A-T': 'ataxia'}, 'ataxia'),
    ('BC', {'BC': 'breast cancer'}, 'breast cancer'),
    ('BCs', {'BC': 'breast cancer'}, 'breast cancer'),
    ('non-BC', {'BC': 'breast cancer'}, 'non-breast cancer'),
    ('BC-free', {'BC': 'breast cancer'}, 'breast cancer-free'),
    ('BCG, bc, ABC', {'BC': 'breast cancer'}, 'BCG, bc, ABC'),
    ('VSD', {'VSDs': 'ventricular septal defects'}, 'ventricular septal defect'),
    ('VSDs', {'VSDs': 'ventricular septal defects'}, 'ventricular septal defects'),
    ('A-T families', {'A-T': 'ataxia'}, 'ataxia families'),
    ('GSD II', {'GSD': 'x', 'GSD II': 'y'}, 'y'),
    ('WAS it was', {'WAS': 'w'}, 'w it was'),   # a gene that is written like a word
])
def test_mentions_are_written_out(mention, abbreviations, expected): assert expanded(mention, abbreviations) == expected


def mention(text, doc='1', *ids): return Mention(doc, 0, len(text), text, text, ids)


def long_forms(*mentions): return [m.expanded for m in spelled_out(mentions)]


def test_another_mention_of_the_same_document_explains():
    texts = mention('ventricular septal defect'), mention('VSD'), mention('VSD', '2'), mention('Vsd'), mention('CSD')
    others = mention('septal defects'), mention('SD')
    septal = 'ventricular septal defect'
    assert long_forms(*texts, *others) == [septal, septal, 'VSD', 'Vsd', 'CSD', 'septal defects', 'septal defects']


@pytest.mark.parametrize('texts, expected', [
    (['heart failure', 'hay fever', 'hay fever', 'HF'], 'hay fever'),                              # the more frequent one
    (['Dmpk deficient', 'DM'], 'DM'),                                                             # not the M of the first word
    (['attenuated adenomatous polyposis coli', 'APC'], 'APC'),                                    # not the whole of it
    (['fakeoid ataxias 1 and 2', 'FA2'], 'FA2'),                                                  # a list
])
def test_which_mention_explains(texts, expected): assert long_forms(*map(mention, texts))[-1] == expected


def test_mentions_follow_the_nearest_explanation():
    text = 'BC in breast cancer (BC). Then BC. A bladder cancer (BC). BC.'
    places = [i for i in range(len(text)) if text.startswith('BC', i)]
    d = Document('1', text, tuple(Span(p, p + 2, 'D') for p in places), '1')
    mentions, odd = mentions_of([d], Vocabulary('v', {'A': Concept('A', ('x',))}))
    assert [m.expanded for m in mentions] == ['breast cancer']*3 + ['bladder cancer']*2
    assert odd == {'short form explained in several ways, the nearest holds': 1, 'short form written out': 5}


def test_a_list_of_short_forms_replaces_what_the_text_explains():
    v = Vocabulary('v', {'A': Concept('A', ('heart failure',))})
    d = Document('7', 'heart failure (HF). HF', (Span(0, 13, 'D'), Span(20, 22, 'D')))
    assert mentions_of([d], v, {'7': {'HF': 'hay fever'}})[0][1].expanded == 'hay fever'
    assert mentions_of([d], v, {})[0][1].expanded == 'HF'


def test_spelling_and_plural_are_no_second_meaning():
    assert ambiguous(definitions('tumour cell (TC) and Tumor  cells (TC) and tumor-cell (TC)')) == set()


def test_stop_words_are_left_out_of_names_and_mentions():
    v = Vocabulary('v', {'A': Concept('A', ('Cold',))})
    assert look_up([mention('the cold')], known_names(v, stop_words=True), True) == ['A']
    assert cleaned('the cold', stop_words=True) == 'cold'


# Texts that were read

def places_read(path):
    "(part, corpus, document) → short forms with their long form, and those that are neither right nor wrong."
    marked = defaultdict(list)
    for row in csv.DictReader(path.open(encoding='utf-8')):
        spans = [tuple(map(int, span.split('-'))) for span in row['long'].split('+') if span]
        key = row['part'], row['corpus'], row['document']
        marked[key].append((int(row['short_start']), int(row['short_end']), spans))
    return marked


def texts_of(open_data):
    "(corpus, document) → text."
    texts = {}
    for corpus, names in {
            'ncbi': ('ncbi_disease/NCBItrainset_corpus.txt', 'ncbi_disease/NCBIdevelopset_corpus.txt'),
            'cdr': ('bc5cdr/CDR_TrainingSet.PubTator.txt', 'bc5cdr/CDR_DevelopmentSet.PubTator.txt')}.items():
        for name in names:
            texts |= {(corpus, d.doc_id): d.text for d in read_pubtator(open_data/name)[0]}
    for path in (open_data/'maccrobat2020').glob('*.txt'):
        texts['maccrobat', path.stem] = path.read_text(encoding='utf-8')
    for line in (open_data/'e3c_english/english_ccby.jsonl').open(encoding='utf-8'):
        record = json.loads(line)
        texts['e3c', record['id']] = record['text']
    return texts


def same(long): return ' '.join(long.lower().split())


def test_explanations_that_were_marked_by_reading(open_data):
    texts = texts_of(open_data)
    right, said, gold = Counter(), Counter(), Counter()
    for (part, corpus, document), rows in places_read(Path(__file__).parent/'short_forms.csv').items():
        text = texts[corpus, document]
        true = {(text[a:b], same(' '.join(text[i:j] for i, j in spans))) for a, b, spans in rows if spans}
        doubtful = {text[a:b] for a, b, spans in rows if not spans}
        found = {(d.short, same(d.long)) for d in definitions(text) if d.short not in doubtful}
        right[part] += len(true & found)
        said[part] += len(found)
        gold[part] += len(true)
    assert gold == {'first': 119, 'other': 66}
    for part in gold: assert right[part] >= .96*gold[part] and right[part] >= .98*said[part], part
