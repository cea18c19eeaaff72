"""Retrieval: what holds of its parts, one by one."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from clinbert_nb.finetuning import tiny_model
from clinbert_nb.normalization import Concept, Mention, TfidfIndex, Vocabulary, cleaned, document_f1
from clinbert_nb.retrieval import (
    EVIDENCE, Dictionary, Normalizer, candidates, cases_of, decisions_right, embed, evidence, features,
    joint_readings, name_concepts, near_names, nearest, normalize, open_encoder, overlap, parts_of,
    remembered, spoken, synonym_batches, teach_synonyms, teaching, threshold)

TWO = 'breast and ovarian cancer'
WORDS = 'cough fever heart failure renal cyst hepatic and of the liver kidney pain chest cancer breast ovarian'

NAMES = dict(
    A=('heart failure', 'Failure, heart'),
    B=('renal cyst', 'cyst of the kidney', 'kidney cyst'),
    C=('hepatic cyst', 'liver cyst'),
    D=('cyst',),
    E=('breast cancer', 'cancer of the breast'),
    F=('ovarian cancer', 'cancer, ovarian'),
    G=('kidney cyst',))


def _vocabulary():
    parents = dict(C=('D',))
    return Vocabulary('v', {id: Concept(id, names, parents.get(id, ())) for id, names in NAMES.items()})


def _tiny(folder): return tiny_model(folder/'m', WORDS.split())


def _mention(text, *ids, doc='1'): return Mention(doc, 0, len(text), text, text, ids)


def _found(mentions, dictionary, leave_out=False, k=20):
    near = near_names([cleaned(m.expanded) for m in mentions], dictionary, [TfidfIndex(dictionary.names)])
    return candidates(mentions, dictionary, near, k, leave_out)


def _f1(mentions, said): return document_f1(mentions, said)['f1']


TRAINING = [
    _mention('cardiac failure', 'A', doc='1'),
    _mention('weak heart', 'A', doc='2'),
    _mention('weak heart', 'A', doc='3'),
    _mention('big cyst', 'B', doc='3'),
    _mention('breast and ovarian cancer', 'E', 'F', doc='4'),
]
WARD = [
    ('weak heart', 'A'),
    ('renal cyst', 'B'),
    ('liver cysts', 'C'),
    ('breast and ovarian cancer', 'E', 'F'),
    ('cancer of the breast', 'E'),
    ('nosuch',),
    ('ovarian cancers', 'F'),
    ('weak heart and fever', 'A'),
]
MANY_NOTES = [_mention(*row, doc=str(note)) for note in range(40) for row in WARD]
DEV = [_mention(*row, doc='new') for row in (('weak hearts', 'A'), (TWO, 'E', 'F'), ('nosuch',))]
PARTS = [(0, way, _mention(part)) for way, part in (
    (0, 'breast'), (0, 'ovarian cancer'),
    (1, 'breast cancer'), (1, 'ovarian cancer'))]
RANKED_PARTS = [[('D', .1)], [('F', .9)], [('E', .8)], [('F', .9)]]


def test_a_text_is_computed_once(tmp_path):
    encoder = open_encoder(_tiny(tmp_path))
    first = remembered(['fever', 'cough', 'fever'], encoder)
    assert torch.equal(first, remembered(['fever', 'cough', 'fever'], encoder))
    assert len(encoder.kept) == 2


def test_no_text_has_no_vector(tmp_path):
    assert embed([], open_encoder(_tiny(tmp_path))).shape == (0, 32)


def test_no_query_has_no_neighbors():
    assert nearest(torch.empty(0, 8), torch.randn(501, 8), 5)[0].shape == (0, 5)


def test_a_batch_of_synonyms_pairs_names_of_one_concept():
    means, near = name_concepts(_vocabulary()), lambda texts: [['kidney cyst', 'liver cyst', 'renal cyst']]*len(texts)
    for left, columns, same in synonym_batches(_vocabulary(), near, 4, 30, 0):
        assert len(left) == 4 and len(columns) == 8 and not same[range(4), range(4)].any()
        for i, name in enumerate(left):
            own = {*means[name]} & {*means[columns[i]]}
            wrong = [c for j, c in enumerate(columns) if j != i and not same[i, j]]
            assert own and name != columns[i]
            assert len(own) > 1 or not any(own & {*means[c]} for c in wrong)


def test_the_same_seed_teaches_the_same(tmp_path):
    lesson = _tiny(tmp_path), _vocabulary(), 5, 5, 1e-3
    assert torch.equal(embed(['cyst'], teach_synonyms(*lesson, seed=1)), embed(['cyst'], teach_synonyms(*lesson, seed=1)))


def test_a_note_sees_other_notes():
    found = _found(TRAINING, Dictionary(_vocabulary(), TRAINING), leave_out=True)
    assert dict(found[1])['A'][0, 1] == pytest.approx(1)      # weak heart stands in another note, too


@pytest.mark.parametrize('leave_out', [False, True])
def test_each_candidate_has_finite_evidence(leave_out):
    dictionary = Dictionary(_vocabulary(), TRAINING)
    found = _found(TRAINING, dictionary, leave_out)
    rows = features(cases_of(TRAINING, found, dictionary, ['letters'], leave_out, list(zip(TRAINING, found))))
    assert len(rows) == sum(map(len, found)) and np.isfinite(rows).all()


def test_candidates_are_complete():
    dictionary = Dictionary(_vocabulary())
    (first, *_), = _found([_mention('kidney cysts')], dictionary)
    ids = {id for id, _ in _found([_mention('kidney cyst')], dictionary)[0]}
    assert first[0] in ('B', 'G') and {'B', 'G', 'C', 'D'} <= ids
    assert len(_found([_mention('cyst')], dictionary, k=2)[0]) == 2


def test_other_mentions_of_the_note_count():
    dictionary, note = Dictionary(_vocabulary()), [_mention('heart failure'), _mention('heart failures'), _mention('cyst')]
    found = _found(note, dictionary)
    case, *_ = cases_of(note, found, dictionary, ['letters'], around=list(zip(note, found)))
    assert dict(zip(case.ids, evidence(case)['other mentions']))['A'] == 1


def test_parts_belong_to_their_mentions():
    parts = parts_of([_mention('cough'), _mention(TWO)])
    assert {i for i, _, _ in parts} == {1}
    assert {'breast cancer', 'ovarian cancer'} <= {m.expanded for _, _, m in parts}
    assert all(m.doc_id == '1' and not m.ids for *_, m in parts)


def test_a_training_note_decides_what_a_joint_mention_is():
    dictionary = Dictionary(_vocabulary(), [_mention(TWO.capitalize(), 'E', 'A', doc='9')])
    reading, = joint_readings([_mention(TWO)], [[('F', .5)]], PARTS, RANKED_PARTS, dictionary)
    assert reading.ids == ('E', 'A')


def test_twice_the_same_is_not_several():
    ranked_parts = [[('E', .8)], [('E', .9)]]
    assert joint_readings([_mention(TWO)], [[]], PARTS[2:], ranked_parts, Dictionary(_vocabulary())) == []


@pytest.mark.parametrize('said, true, f1', [
    ('ab', 'b', 2/3),
    ('', '', 0),
    ('ab', 'ba', 1),
])
def test_overlap(said, true, f1): assert overlap(said, true) == f1


def test_without_training_the_nearest_name_decides():
    normalizer = Normalizer(_vocabulary())
    assert normalizer.judge is None and normalizer.concepts([_mention('hepatic cysts')]) == [('C',)]


def test_what_counts_as_a_right_decision():
    mentions = [_mention('a', 'A'), _mention('b', 'B'), _mention('c'), _mention('d')]
    assert decisions_right(mentions, [('A',), ('X',), (), ('X',)]) == 2


def test_silence_costs_where_a_doubtful_guess_is_right():
    asked, doubtful = [_mention(t, t.upper()) for t in 'abcd'], [[('A', .9)], [('B', .8)], [('X', .3)], [('D', .2)]]
    assert threshold(asked, doubtful, _f1) == 0                              # d is right at .2, and worth it
    assert .3 < threshold(asked, [*doubtful[:3], [('Y', .2)]], _f1) <= .8    # two wrong ones less
    assert spoken(doubtful, [None, None, ('P', 'Q'), None], .25) == [('A',), ('B',), ('P', 'Q'), ()]


def test_slack_gives_a_little_away_for_speaking():
    many, one_wrong = [_mention('a', 'A')]*500, [[('Y', .3)], *[[('A', .9)]]*499]
    def score(_, said): return 500 - said.count(('Y',))
    assert threshold(many, one_wrong, score) > .3
    assert threshold(many, one_wrong, score, slack=.002) == 0                # 499 is near enough


def test_strings_become_concepts():
    cyst, heart, cancers = normalize(['Hepatic cyst', 'heart failures', TWO], _vocabulary(), k=2)
    assert (cyst[0]['id'], heart[0]['id']) == ('C', 'A')
    assert {a['id'] for a in cancers} == {'E', 'F'} and all(a['joint'] for a in cancers)
    assert cyst[0]['name'] == 'hepatic cyst'


def test_a_checkpoint_may_help(tmp_path):
    assert len(normalize(['cyst'], _vocabulary(), _tiny(tmp_path), k=3)[0]) == 3


def test_nothing_asked_is_nothing_answered():
    assert normalize([], _vocabulary()) == []


@pytest.mark.parametrize('name, left_out, meanings', [
    ('weak heart', '2', ((), {'A': 1})),
    ('big cyst', '3', ((), {})),
    ('kidney cyst', None, (('B', 'G'), {})),
    ('nosuch', None, ((), {})),
])
def test_what_a_name_means(name, left_out, meanings):
    assert Dictionary(_vocabulary(), TRAINING).meant(name, left_out) == meanings


def test_a_mention_without_a_concept_asks_for_silence():
    mentions = [_mention('a', 'A'), _mention('b', 'B'), _mention('c'), _mention('d')]
    ranked = [[('A', .9)], [('B', .6)], [('X', .5)], []]
    assert .5 < threshold(mentions, ranked, decisions_right) <= .6
    assert threshold(mentions[:2], ranked[:2], decisions_right) == 0


def test_synonyms_come_close(tmp_path):
    def gap(encoder):
        name, synonym, other = embed(['breast cancer', 'cancer of the breast', 'ovarian cancer'], encoder)
        return float(name @ synonym - name @ other)
    tiny = _tiny(tmp_path)
    taught = teach_synonyms(tiny, _vocabulary(), 60, 5, 1e-3, seed=1)
    assert gap(taught) > gap(open_encoder(tiny)) + .2


def test_the_way_is_taken_whose_parts_are_believed():
    reading, = joint_readings([_mention(TWO)], [[('F', .5)]], PARTS, RANKED_PARTS, Dictionary(_vocabulary()))
    assert reading.ids == ('E', 'F')
    assert list(reading.evidence.values())[:5] == [.5, .8, pytest.approx(.85), 2, 2]


def test_a_note_does_not_see_itself():
    dictionary = Dictionary(_vocabulary(), TRAINING)
    seen, unseen = (dict(_found(TRAINING, dictionary, leave_out)[3])['B'] for leave_out in (False, True))
    assert seen[0, 1] == pytest.approx(1)                     # big cyst is known from this note only
    assert unseen[0, 1] == 0 < unseen[0, 0]


def test_evidence_can_be_taken_away():
    dictionary = Dictionary(_vocabulary(), TRAINING)
    case, = cases_of(TRAINING[:1], _found(TRAINING[:1], dictionary), dictionary, ['letters'])
    less = evidence(case, [kind for kind in EVIDENCE if kind != 'words in common'])
    assert set(evidence(case)) - set(less) == {'best name', 'covered', 'preferred name'}


def test_a_normalizer_end_to_end():
    normalizer = Normalizer(_vocabulary(), MANY_NOTES)
    asked = [_mention(text, doc='new') for text in ('weak hearts', 'hepatic cyst', TWO, 'cancer of the breast', 'nosuch')]
    heart, cyst, cancers, cancer, _ = said = normalizer.concepts(asked)
    assert (heart, cyst, cancer) == (('A',), ('C',), ('E',)) and set(cancers) == {'E', 'F'}
    assert all(quiet in ((), loud) for quiet, loud in zip(normalizer.concepts(asked, normalizer.none_below), said))
    assert normalizer.concepts(asked, 1.01)[0] == ()
    assert said == Normalizer(_vocabulary(), MANY_NOTES).concepts(asked)     # the same again


def test_what_a_note_repeats_teaches_once():
    mentions = [_mention('cough', 'A', doc='1'), _mention('cough', 'A', doc='1'), _mention('cough', 'B', doc='1'),
                _mention('cough', 'A', doc='2'), _mention('cough and fever', 'A', 'C', doc='2')]
    assert teaching(mentions) == {0: 2**.5, 2: 1, 3: 1}


def test_a_short_form_is_never_taken_apart():
    whole = _mention('breast and ovarian cancer')
    assert parts_of([whole]) and not parts_of([replace(whole, text='BOC')])
