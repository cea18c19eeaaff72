"How checkpoints are pretrained again, for comparisons whose unit is a pretraining."
import pytest

from clinbert_nb import mednli
from clinbert_nb.pretraining import FAMILY


@pytest.fixture
def asked(monkeypatch):
    "What `ensure_checkpoints` was asked for; it trains nothing and reads its names once, as it may."
    calls = []

    def ensure_checkpoints(names, profile, family, corpora, options, settings):
        calls.append(dict(family=family, seed=settings.seed))
        for name in names: assert name in family
        return {name: f'models/{name}' for name in names}

    monkeypatch.setattr(mednli, 'ensure_checkpoints', ensure_checkpoints)
    monkeypatch.setattr(mednli, 'hospital_corpora', lambda: ({}, {}))
    return calls


def test_checkpoints_of_another_pretraining_have_names_and_seeds_of_their_own(asked):
    made = mednli.pretrained_again(['BERT', 'Bio+Clinical'], 2, 'p')
    assert made == {'BERT': 'models/BERT-2', 'Bio+Clinical': 'models/Bio+Clinical-2'}
    assert asked[0]['seed'] == 2


def test_the_second_family_starts_from_itself(asked):
    mednli.pretrained_again(['BERT'], 1, 'p')
    family = asked[0]['family']
    assert family['BERT-1'] == ['', 'general'] and family['Bio+Clinical-1'] == ['BioBERT-1', 'notes']
    assert len(family) == len(FAMILY)
