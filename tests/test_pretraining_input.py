"What pretraining refuses, and the sentence that it refuses it with."
import pytest
from transformers import BertConfig, BertForPreTraining

from clinbert_nb.core import CourseError
from clinbert_nb.pretraining import (
    PretrainingSettings, Progress, check_family, check_loss, ensure_checkpoint, make_accelerator,
    model_identity, open_model, settings_of)


@pytest.fixture
def model():
    return BertForPreTraining(BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64))


@pytest.fixture
def folder(model, tmp_path):
    model.save_pretrained(tmp_path/'m')
    return tmp_path/'m'


def refused(folder, message, **choices):
    with pytest.raises(CourseError, match=message): open_model(BertForPreTraining, folder, **choices)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    refused(tmp_path/'nowhere', 'nowhere does not exist; expected a model folder')


def test_a_folder_without_a_configuration_is_named(folder):
    (folder/'config.json').unlink()
    refused(folder, 'm has no config.json')


def test_an_encoder_with_holes_is_refused(model, tmp_path):
    weights = {k: v for k, v in model.state_dict().items() if 'layer.1.' not in k}
    model.save_pretrained(tmp_path/'holes', state_dict=weights)
    refused(tmp_path/'holes', 'holes lacks 16 weights of the encoder, such as bert.encoder.layer.1')
    assert model_identity(tmp_path/'holes') == model_identity(tmp_path/'holes')


def test_an_encoder_of_another_size_is_refused(folder):
    refused(folder, 'm lacks .* weights of the encoder, such as bert.embeddings.word', vocab_size=60)


def test_a_download_that_broke_off_is_refused(folder):
    before, weights = model_identity(folder), folder/'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:1000])
    refused(folder, "'m' could not be opened as a model")
    assert model_identity(folder) != before


@pytest.mark.parametrize('changes, message', [
    (dict(precision='half'), "precision: 'half' is unknown"),
    (dict(tracker='pencil'), "tracker: 'pencil' is unknown"),
])
def test_what_accelerate_does_not_have_is_named(changes, message):
    with pytest.raises(CourseError, match=message): make_accelerator(PretrainingSettings(**changes))


@pytest.mark.parametrize('further, message', [
    (dict(stepz=3), "further: 'stepz' is no setting"),
    (dict(epochs='x'), "further: epochs is 'x'; expected float"),
])
def test_further_settings_are_checked(further, message):
    with pytest.raises(CourseError, match=message): settings_of(dict(further=further))


@pytest.mark.parametrize('entry, message', [
    (['', 'b'], "family: 'A' reads 'b', which is no corpus here; there are a"),
    (['a'], r"family: 'A' must be \[start, corpus\], not \['a'\]"),
])
def test_a_family_is_checked(entry, message):
    with pytest.raises(CourseError, match=message): check_family({'A': entry}, {'a': 'a.txt'})


def test_an_unknown_corpus_is_found_out_before_training():
    with pytest.raises(CourseError, match="reads 'b', which is no corpus"):
        ensure_checkpoint('A', 'p', {'A': ['', 'b']}, {'a': 'a.txt'})


def test_the_last_good_state_is_named(tmp_path):
    progress = Progress()
    progress.summed = 5
    states = [tmp_path/'step-00000003']
    check_loss(2., progress, 3., 'x', states, 1e-3)
    with pytest.raises(CourseError, match='leapt from 2.00 to 5.50.*the last good state is .*step-00000003'):
        check_loss(5.5, progress, 3., 'x', states, 1e-3)


def test_a_loss_that_is_no_number_is_reported():
    with pytest.raises(CourseError, match='x: the loss is nan at step 0; no state was saved'):
        check_loss(float('nan'), Progress(), 3., 'x', [], 1e-3)
