"""Retrieval: what is refused, and with which sentence."""
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.finetuning import tiny_model
from clinbert_nb.normalization import Concept, Vocabulary
from clinbert_nb.retrieval import Normalizer, open_encoder, synonym_batches

ONE_NAME = Vocabulary('v', {'D': Concept('D', ('cyst',))})


def test_another_pooling_is_refused(tmp_path):
    with pytest.raises(CourseError, match="pooling must be 'cls' or 'mean', not 'max'"):
        open_encoder(tiny_model(tmp_path/'m', ['cough']), 'max')


def test_a_missing_checkpoint_is_reported(tmp_path):
    with pytest.raises(CourseError): open_encoder(tmp_path/'nothing')


def test_a_vocabulary_without_synonyms_teaches_nothing():
    with pytest.raises(CourseError, match='no concept with two names'):
        list(synonym_batches(ONE_NAME, lambda texts: [['cyst']]*len(texts), 4, 1, 0))


def test_a_normalizer_needs_a_view():
    with pytest.raises(CourseError, match='needs letters, an encoder, or both'):
        Normalizer(ONE_NAME, letters=False)
