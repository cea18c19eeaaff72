"What the readers of MedNLI and RQE refuse, and the odd files that they read."
import json

import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.mednli import read_mednli, read_rqe

PAIR = dict(pairID='x', gold_label='entailment', sentence1='Pt c/o SOB.', sentence2='He is short of breath.')
GOOD = json.dumps(PAIR | dict(sentence1_parse='()'))
UNDECIDED = GOOD.replace('entailment', '-')


@pytest.fixture
def folder(tmp_path):
    for split in ('train', 'dev', 'test'): (tmp_path/f'mli_{split}_v1.jsonl').write_text(GOOD + '\n')
    return tmp_path


@pytest.mark.parametrize('lines, message', [
    ([GOOD, '{"pairID": '], 'train_v1.jsonl, line 2 is no JSON'),
    ([GOOD.replace('entailment', 'maybe')], "line 1 has the unknown label 'xxxxx'; expected contradiction"),
    ([GOOD.replace('sentence2"', 'hypothesis"')], "line 1 has no 'sentence2'"),
    (['[1]'], "line 1 has no 'pairID'"),
    ([UNDECIDED], 'holds no labelled pair'),
])
def test_a_line_that_is_no_pair_is_named(folder, lines, message):
    (folder/'mli_train_v1.jsonl').write_text('\n'.join(lines) + '\n')
    with pytest.raises(CourseError, match=message): read_mednli(folder)


@pytest.mark.parametrize('line, message', [
    (b'{"pairID": "x", "sentence1": "caf\xcb"}', 'mli_train_v1.jsonl, line 1 holds the byte 0xCB'),
    (b'['*100_000, 'mli_train_v1.jsonl, line 1 is nested too deeply'),
])
def test_a_line_that_is_no_text_or_no_record_is_named(folder, line, message):
    (folder/'mli_train_v1.jsonl').write_bytes(line)
    with pytest.raises(CourseError, match=message): read_mednli(folder)


def test_an_empty_file_is_named(folder):
    (folder/'mli_dev_v1.jsonl').write_text('')
    with pytest.raises(CourseError, match='mli_dev_v1.jsonl is empty'): read_mednli(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CourseError, match='does not exist; expected the folder of mli_train'):
        read_mednli(tmp_path/'nowhere')


def test_fields_that_nobody_needs_and_empty_lines_are_passed_over(folder):
    (folder/'mli_train_v1.jsonl').write_text(f'{GOOD}\n{UNDECIDED}\n\n{GOOD}\n\n')
    train = read_mednli(folder)['train']
    row = ['x', 'Pt c/o SOB.', 'He is short of breath.', 'entailment']
    assert train.values.tolist() == [row]*2 and train.attrs == {'without_label': 1}


def test_a_line_may_hold_any_sign(folder):
    record = json.dumps(PAIR | dict(sentence1='a\u2028b\x85c'), ensure_ascii=False)
    (folder/'mli_train_v1.jsonl').write_text(record + '\n')
    assert read_mednli(folder)['train'].premise.tolist() == ['a\u2028b\x85c']


@pytest.mark.parametrize('text, message', [
    ('<RQE><pair>', 'is no XML'),
    ('<RQE><pair pid="7" value="maybe"><chq>a</chq><faq>b</faq></pair></RQE>',
     "pair 7 has the unknown value 'xxxxx'"),
    ('<RQE><pair pid="7" value="true"><chq>a</chq></pair></RQE>', 'no pair'),
    ('<RQE/>', 'no pair'),
])
def test_a_file_without_pairs_is_refused(tmp_path, text, message):
    (tmp_path/'bad.xml').write_text(text)
    with pytest.raises(CourseError, match=message): read_rqe(tmp_path/'bad.xml')


@pytest.mark.parametrize('codec', ['UTF-0', 'shift_jis', 'undefined', 'punycode', 'mbcs'])
def test_another_encoding_is_refused(tmp_path, codec):
    (tmp_path/'r.xml').write_text(f'<?xml version="1.0" encoding="{codec}"?><RQE/>')
    with pytest.raises(CourseError, match='r.xml declares an encoding that is not read here'):
        read_rqe(tmp_path/'r.xml')


def test_spaces_of_a_question_are_single(tmp_path):
    pair = '<pair pid="7" value="true"><chq> a\n b &amp; c </chq><faq>d</faq></pair>'
    (tmp_path/'r.xml').write_text(f'<RQE>{pair}</RQE>')
    train, dev, test = read_rqe(tmp_path/'r.xml').values()
    assert [*train.premise, *dev.premise, *test.premise] == ['a b & c']
