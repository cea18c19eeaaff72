"""What the readers of 11_normalization do with files that are damaged, odd or of another kind."""
import csv
import gzip

import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.ner import Document, Span
from clinbert_nb.normalization import (
    Concept, read_abbreviations, read_medic, read_mrconso, read_pubtator, read_vocabulary, write_pubtator)


def written(path, text):
    path.write_text(text, encoding='utf-8')
    return path


# MEDIC

def test_ctds_table_may_be_compressed_and_have_commas(tmp_path):
    rows = [
        ('Asthma', 'MESH:D1', 'DO:1|OMIM:X8', 'a "quoted" one', 'MESH:D0|OMIM:613', '', '', 'Bronchial Asthma', 'Lung'),
        ('DEAFNESS', 'OMIM:613', '', '', '', '', '', '')]
    table = '# DiseaseName\tDiseaseID\n' + ''.join('\t'.join(row) + '\n' for row in rows)
    tabs, odd = read_medic(written(tmp_path/'CTD_diseases.tsv', table))
    with gzip.open(tmp_path/'CTD_diseases.csv.gz', 'wt', newline='') as file:
        file.write('# DiseaseName,DiseaseID\n')
        csv.writer(file).writerows(rows)
    commas, _ = read_medic(tmp_path/'CTD_diseases.csv.gz')
    assert tabs.concepts == commas.concepts and not odd
    assert commas.concepts['D1'].names == ('Asthma', 'Bronchial Asthma')


def test_a_short_vocabulary_is_known_by_its_looks(tmp_path):
    path = written(tmp_path/'m.txt', 'D1|X9||Asthma|Bronchial Asthma\n\n613||DEAFNESS\n')
    v, odd = read_vocabulary(path)
    assert v == read_medic(path)[0] and not odd
    assert len(v) == 2 and v.preferred('613') == 'DEAFNESS' and v.resolve('X9') == 'D1'


def test_what_is_odd_in_medic_is_counted(tmp_path):
    text = 'D1|D2|X1||Cold\nD2||Cold|Chill\nD3||  |\nD4|X1||Flu\nD4||Influenza\n'
    v, odd = read_medic(written(tmp_path/'m.txt', text))
    assert odd == {
        'concept without a name, left out': 1,
        'alternative id that is a concept itself, not redirected': 1,
        'alternative id of two concepts, the first keeps it': 1,
        'id stands twice, names put together': 1,
        'name of more than one concept': 1}
    assert v.concepts['D4'].names == ('Flu', 'Influenza')
    assert v.resolve('X1') == 'D1' and v.resolve('D2') == 'D2'


def test_concepts_without_an_id_or_a_preferred_name(tmp_path):
    v, odd = read_medic(written(tmp_path/'m.txt', 'D1||Asthma\nMESH:||Cold\nD2|| |Flu\n'))
    assert list(v.concepts) == ['D1', 'D2']
    assert odd == {
        'concept without an id, left out': 1,
        'concept without a preferred name, called by the next': 1}


@pytest.mark.parametrize('name, text, message', [
    ('m.txt', 'D1||\n', 'm.txt holds no concept with a name'),
    ('m.txt', 'D1||a\nD2|b\n', r'm.txt, line 2 is no concept; expected id\|other ids\|\|name'),
    ('m.txt', '', 'm.txt is empty'),
    ('c.tsv', '# x\nAsthma\tMESH:D1\n', 'c.tsv, line 2 has 2 columns; expected at least 8'),
    ('CTD_diseases.csv', '# x\n"Asthma' + 'a,'*100_000,
     'CTD_diseases.csv: the row that begins in line 2 cannot be read: perhaps a quote'),
])
def test_a_file_that_is_not_medic_is_refused(tmp_path, name, text, message):
    with pytest.raises(CourseError, match=message): read_medic(written(tmp_path/name, text))


def test_a_disease_without_an_id_is_refused(tmp_path):
    path = written(tmp_path/'c.tsv', '# x\nAsthma\t \t\t\t\t\t\t\n')
    with pytest.raises(CourseError, match='c.tsv, line 2 has no DiseaseID'): read_medic(path)


@pytest.mark.parametrize('name', ['CTD_diseases.tsv', 'medic.txt', 'MRCONSO.RRF', 'CTD_diseases.csv'])
def test_a_vocabulary_with_a_byte_that_is_no_utf8_is_refused(tmp_path, name):
    (tmp_path/name).write_bytes(b'# \ncaf\xcb||x\n')
    with pytest.raises(CourseError, match=f'{name}, line 2 holds the byte 0xCB'): read_vocabulary(tmp_path/name)


@pytest.mark.parametrize('name', ['CTD_diseases.tsv.gz', 'MRCONSO.RRF.gz'])
def test_a_vocabulary_that_is_cut_off_is_refused(tmp_path, name):
    (tmp_path/name).write_bytes(gzip.compress(b'# \n'*1000)[:-9])
    message = f'{name} is no whole gzip file: it is damaged or cut off after line'
    with pytest.raises(CourseError, match=message): read_vocabulary(tmp_path/name)


# UMLS

def mrconso_line(cui, source, code, name, language='ENG', term='S', preferred='N', suppress='N'):
    return f'{cui}|{language}|{term}|L|PF|S|{preferred}|A||||{source}|PT|{code}|{name}|0|{suppress}||\n'


@pytest.fixture
def mrconso(tmp_path):
    return written(tmp_path/'MRCONSO.RRF', ''.join([
        mrconso_line('C1', 'MDR', '7', 'Dyspnoea'),
        mrconso_line('C1', 'SNOMEDCT_US', '7', 'Dyspnea', term='P', preferred='Y'),
        mrconso_line('C2', 'SNOMEDCT_US', '8', 'Cough'),
        mrconso_line('C3', 'SNOMEDCT_US', '7', 'Air hunger'),
        mrconso_line('C2', 'MSH', '9', 'Tussis'),
        mrconso_line('C2', 'MDR', '5', 'Toux', language='FRE'),
        mrconso_line('C2', 'MDR', '6', 'Coughing', suppress='O'),
        'C2|ENG|\n\n',
        mrconso_line('', 'MDR', '1', 'Ache'),
        mrconso_line('C9', 'MDR', '1', ' ')]))


def test_codes_of_the_umls_have_their_source(mrconso):
    v, _ = read_vocabulary(mrconso)
    assert v.concepts['C1'].names == ('Dyspnea', 'Dyspnoea')
    codes = 'MDR:7', 'SNOMEDCT_US:7', 'SNOMEDCT_US:8', 'MDR:8'
    assert [v.resolve(code) for code in codes] == ['C1', 'C1', 'C2', None]


def test_what_is_left_out_of_the_umls_is_counted(mrconso):
    assert read_vocabulary(mrconso)[1] == {
        'name of another source': 1,
        'name in another language': 1,
        'suppressed name': 1,
        'line with fewer than 18 fields, left out (the first: line 8)': 1,
        'code of more than one CUI, the first keeps it': 1,
        'line without a CUI or without a name, left out': 2}


def test_what_is_left_out_of_the_umls_is_a_choice(mrconso):
    v, _ = read_mrconso(mrconso, suppressed=True, language='')
    assert v.concepts['C2'].names == ('Cough', 'Toux', 'Coughing')
    with pytest.raises(CourseError, match='holds no concept with a name'): read_mrconso(mrconso, sources=['ICD10'])


# The Disease Ontology

def test_the_disease_ontology(tmp_path):
    terms = 'id\tlabel\tsubClassOf\n"DOID:1"\t"asthma"\t"lung disease"\nDOID:2\tlung disease\tdisease\n'
    written(tmp_path/'HumanDO.tsv', terms)
    written(tmp_path/'MESHinDO.tsv', 'id\tlabel\txrefs\nDOID:1\tasthma\tMESH:D001249\n')
    v, odd = read_vocabulary(tmp_path)
    assert v.concepts['DOID:1'] == Concept('DOID:1', ('asthma',), ('DOID:2',))
    assert v.resolve('D001249') == 'DOID:1' and odd == {'parent that is no concept': 1}


def test_a_table_of_the_disease_ontology_has_three_columns(tmp_path):
    written(tmp_path/'HumanDO.tsv', 'id\tlabel\tsubClassOf\nDOID:1\tasthma\t\n')
    written(tmp_path/'MESHinDO.tsv', 'id\tlabel\n')
    with pytest.raises(CourseError, match='MESHinDO.tsv, line 1 has 2 columns'): read_vocabulary(tmp_path)


# Short forms

def test_lists_of_short_forms(tmp_path):
    path = written(tmp_path/'a.tsv', '1\tHF\theart failure\n1\tHF\thay fever\n\n2\tHF\thay fever\n')
    found, odd = read_abbreviations(path)
    assert found == {'1': {'HF': 'heart failure'}, '2': {'HF': 'hay fever'}}
    assert odd == {'second long form of a short one, left out': 1}


def test_a_list_of_short_forms_has_three_columns(tmp_path):
    path = written(tmp_path/'a.tsv', '1\tHF heart failure\n')
    with pytest.raises(CourseError, match='a.tsv, line 1 has not three columns'): read_abbreviations(path)


# PubTator

COLD = '1|t|A cold.\n1|a|Not the flu.\n'
GREEK = '1|t|TNF-α.\n1|a|Not the flu, not the flu.\n'
GOOD = '1\t0\t5\tTNF-α\tDisease\tD1\n1\t15\t18\tflu\tDisease\tD2\n'


def test_what_is_not_wanted_in_pubtator_is_counted(tmp_path):
    lines = ['1\t2\t6\tcold\tDisease\tMESH:D1+D2', '1\t16\t19\tflu\tDisease\t-1', '1\tCID\tD1\tD2', '1\t8\t11\tNot\tChemical\tD9']
    (d,), odd = read_pubtator(written(tmp_path/'p.txt', COLD + '\n'.join(lines) + '\n'), types=['Disease'])
    assert d.text == 'A cold. Not the flu.' and d.group == '1'
    assert d.spans == (Span(2, 6, 'Disease', ('D1', 'D2')), Span(16, 19, 'Disease'))
    assert odd == {
        'relation, not used': 1,
        "'xxxxxxxx', not wanted": 1,
        'mention without a concept': 1,
        'mention of several concepts': 1}


@pytest.mark.parametrize('line, message', [
    ('1\t2\t6\tcold\tDisease', '3 has 5 columns; expected id, start'),
    ('1\tx\t6\tcold\tDisease\tD1', 'line 3: the start is no whole number'),
    ('2\t2\t6\tcold\tDisease\tD1', 'line 3 is not about the abstract that it stands below'),
    ('1\t2\t²\tcold\tDisease\tD1', 'line 3: the end is no whole number'),
    ('1\t2\t6\tflu\tDisease\tD1', r'the words of 1 of 1 mentions are not at their place, first in abstract 1 \(line 3\)'),
])
def test_a_damaged_mention_is_refused(tmp_path, line, message):
    with pytest.raises(CourseError, match=message): read_pubtator(written(tmp_path/'p.txt', f'{COLD}{line}\n'))


@pytest.mark.parametrize('text, message', [
    ('1|a|x\n1|t|y\n', 'line 1 begins no abstract'),
    ('1|t|x\n', 'begins no abstract'),
    ('1|t|x\n2|a|y\n', 'begins no abstract'),
    ('\n\n', 'holds no abstract'),
    ('1|t|x\n1|a|y\n\n1|t|x\n1|a|z\n', 'line 4: this abstract stands here a second time, with another text'),
])
def test_what_is_no_abstract_is_refused(tmp_path, text, message):
    with pytest.raises(CourseError, match=message): read_pubtator(written(tmp_path/'p.txt', text))


def test_an_abstract_may_stand_twice(tmp_path):
    both, odd = read_pubtator(written(tmp_path/'p.txt', '1|t|x\n1|a|y\n\n1|t|x\n1|a|y\n'))
    assert len(both) == 1 and odd == {'abstract stands twice, read once': 1}


def test_other_spaces_in_a_quotation_are_counted(tmp_path):
    path = written(tmp_path/'p.txt', f'{COLD}1\t2\t6\tcold \tDisease\tD1\n')
    assert read_pubtator(path)[1] == {'quotation with other blanks': 1}


@pytest.mark.parametrize('words', ['TNF-a', 'TNF‑α', 'tnf-α', 'TNFα', 'TNF-alpha', 'TNF -α'])
def test_a_quotation_that_is_spelled_otherwise_is_kept_and_listed(tmp_path, capsys, words):
    path = written(tmp_path/'p.txt', f'{GREEK}1\t0\t5\t{words}\tDisease\tD1\n')
    (d,), odd = read_pubtator(path)
    assert d.spans == (Span(0, 5, 'Disease', ('D1',)),)
    assert odd == {'quotation spelled otherwise, kept at its place': 1}
    listed = 'p.txt: 1 × quotation spelled otherwise, kept at its place: abstract 1 (line 3)\n'
    assert capsys.readouterr().out == listed


@pytest.mark.parametrize('wrong', [
    '1\t0\t5\tflu\tDisease\tD1',
    '1\t2\t900\tTNF-α\tDisease\tD1',
    '1\t5\t2\tTNF-α\tDisease\tD1',
    '1\t5\t6\t-\tDisease\tD1',
])
def test_a_mention_whose_words_stand_elsewhere_is_left_out_and_listed(tmp_path, capsys, wrong):
    path = written(tmp_path/'p.txt', f'{GREEK}{GOOD}{wrong}\n')
    (d,), odd = read_pubtator(path)
    printed = capsys.readouterr().out
    assert len(d.spans) == 2 and odd == {'mention whose words are not at its place, left out': 1}
    assert 'left out: abstract 1 (line 5)' in printed and 'TNF' not in printed
    with pytest.raises(CourseError, match='p.txt, line 5: mention whose words are not at its place'):
        read_pubtator(path, strict=True)


def test_a_strict_reader_refuses_another_spelling(tmp_path):
    path = written(tmp_path/'p.txt', f'{GREEK}1\t0\t5\tTNF-a\tDisease\tD1\n')
    message = 'p.txt, line 3: quotation spelled otherwise; expected the words that stand there'
    with pytest.raises(CourseError, match=message): read_pubtator(path, strict=True)


@pytest.mark.parametrize('data, message', [
    (b'1|t|a\n1|a|caf\xcb\n', 'p.txt, line 2 holds the byte 0xCB'),
    (b'Foo said so\n', '^p.txt, line 1 begins no abstract; expected'),
])
def test_a_damaged_line_of_pubtator_is_named_not_quoted(tmp_path, data, message):
    (tmp_path/'p.txt').write_bytes(data)
    with pytest.raises(CourseError, match=message) as error: read_pubtator(tmp_path/'p.txt')
    assert 'Foo' not in str(error.value)


@pytest.mark.parametrize('document', [Document('1', 'one'), Document('1 2', 'a b'), Document('1', 'a\nb')])
def test_what_pubtator_cannot_hold_is_not_written(tmp_path, document):
    with pytest.raises(CourseError, match='PubTator needs'): write_pubtator([document], tmp_path/'p')


# The real files

def test_the_real_vocabularies(open_data):
    medic, odd = read_vocabulary(open_data/'medic_2012/medic_06Jul2012.txt')
    ontology, _ = read_vocabulary(open_data/'disease_ontology')
    assert len(medic) == 11_915 and 76_000 < len(medic.names) <= 76_237
    assert odd['name of more than one concept'] > 0
    assert len(ontology) > 10_000 and sum(ontology.resolve(id) is not None for id in medic.concepts) > 4_000


def test_the_real_ncbi_corpus(open_data):
    train, odd = read_pubtator(open_data/'ncbi_disease/NCBItrainset_corpus.txt')
    medic, _ = read_medic(open_data/'medic_2012/medic_06Jul2012.txt')
    assert len(train) == 592 and sum(len(d.spans) for d in train) == 5_134
    assert odd['abstract stands twice, read once'] == odd['quotation with other blanks'] == 1
    assert all(medic.resolve(id) for d in train for s in d.spans for id in s.ids)


def test_the_real_cdr_corpus(open_data):
    dev, _ = read_pubtator(open_data/'bc5cdr/CDR_DevelopmentSet.PubTator.txt', ['Disease'])
    medic, _ = read_medic(open_data/'medic_2012/medic_06Jul2012.txt')
    assert len(dev) == 500 and sum(len(d.spans) for d in dev) == 4_244
    unknown = {id for d in dev for s in d.spans for id in s.ids if not medic.resolve(id)}
    assert unknown == {'D066126', 'D065630', 'D050497'}
