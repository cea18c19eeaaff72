"What fine-tuning refuses, and the sentence that it refuses it with."
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.finetuning import (
    ASSERTIONS, Settings, encode_pairs, find_checkpoints, fingerprint, finetune, label_ids, load_model,
    renew_pooler, select, toy_model)

LABELLED = [dict(input_ids=[2, 7, 3])], ['absent']
LONG = dict(input_ids=[7]*151)


@pytest.fixture
def toy(tmp_path): return toy_model(tmp_path/'toy')


def tuned(toy, examples, labels, dev=LABELLED, settings=Settings(), **options):
    return finetune(toy, examples, labels, *dev, ASSERTIONS, settings, progress=False, **options)


@pytest.mark.parametrize('labels, kind, message', [
    (['a', 'a'], 'sequence', 'two or more, all different'),
    (['a'], 'sequence', 'two or more, all different'),
    (ASSERTIONS, 'word', "Unknown kind of head 'word'; expected sequence or token"),
])
def test_what_is_no_head_is_refused(toy, labels, kind, message):
    with pytest.raises(CourseError, match=message): load_model(toy, labels, kind)


def test_a_checkpoint_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CourseError, match='nowhere does not exist'):
        load_model(tmp_path/'nowhere', ASSERTIONS)


def test_a_checkpoint_without_a_tokenizer_is_refused(toy):
    (toy/'tokenizer.json').unlink()
    with pytest.raises(CourseError, match='no tokenizer'): tuned(toy, *LABELLED)


def test_a_model_without_a_pooler_cannot_renew_it(toy):
    model = load_model(toy, ASSERTIONS, 'token', say=False)
    with pytest.raises(CourseError, match='no pooler'): renew_pooler(model)


@pytest.mark.parametrize('label', ['c', 2, None, -100, float('nan')])
def test_an_unknown_label_is_named(label):
    message = r'Record 1 \(from 0\) of the dev data has the label .*; expected one of a, b'
    with pytest.raises(CourseError, match=message): label_ids(['a', label], ['a', 'b'], what='dev')


@pytest.mark.parametrize('examples, labels, message', [
    ([], [], 'training set is empty'),
    (LABELLED[0], ['absent', 'present'], 'training set has 1 examples but 2 labels'),
    ([*LABELLED[0], LONG], ['absent']*2,
     r'Record 1 \(from 0\) of the training data has 151 word pieces; max_seq_length is 150'),
])
def test_training_data_that_does_not_fit_is_refused(toy, examples, labels, message):
    with pytest.raises(CourseError, match=message): tuned(toy, examples, labels)


def test_an_unknown_label_of_the_dev_data_is_named(toy):
    message = r"Record 0 \(from 0\) of the dev data has the label 'fever'"
    with pytest.raises(CourseError, match=message): tuned(toy, *LABELLED, dev=(LABELLED[0], ['fever']))


def test_every_position_of_a_token_model_needs_a_label(toy):
    dev = LABELLED[0], [[-100, 0, -100]]
    with pytest.raises(CourseError, match='3 positions but 2 labels'):
        tuned(toy, LABELLED[0], [[-100, 0]], dev, kind='token')


def test_sequences_longer_than_the_positions_of_the_model_are_refused(toy):
    message = 'max_seq_length is 600, but toy has only 512 positions'
    with pytest.raises(CourseError, match=message):
        tuned(toy, *LABELLED, settings=Settings(max_seq_length=600))


def test_a_loss_that_is_no_number_is_reported(toy):
    examples, labels = LABELLED[0]*64, ['absent', 'present']*32
    with pytest.raises(CourseError, match='training loss became nan in epoch 1; try a smaller'):
        tuned(toy, examples, labels, settings=Settings(learning_rate=1e30))


def test_segments_must_be_as_many(toy):
    with pytest.raises(CourseError, match='2 first sentences but 1 second ones'):
        encode_pairs(None, ['a', 'b'], ['c'], 9)


def test_a_setting_outside_its_limits_is_refused():
    with pytest.raises(CourseError, match='epochs must be 1 or more, not 0'): Settings(epochs=0)


def test_an_empty_grid_is_refused():
    with pytest.raises(CourseError, match='grid is empty'): select([], None)


def test_what_json_cannot_hold_has_no_fingerprint():
    with pytest.raises(TypeError): fingerprint(Settings())


def test_two_models_of_one_name_are_refused():
    with pytest.raises(CourseError, match='Two models have the same name'):
        find_checkpoints(['a/x', 'b/x'], 'p')
