"""The preparation as jobs: `shards.smk` gives the same bytes as one call of the library, does nothing the second time, and says what is wrong."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clinbert_nb.hospital import make_hospital
from clinbert_nb.notes import prepare_notes
from clinbert_nb.tokens import load_tokenizer, make_tokens, train_vocabulary
from clinbert_nb.files import read_json

ROOT = Path(__file__).resolve().parent.parent


def shards(work, *config):
    (work/'run').mkdir(exist_ok=True)
    command = [Path(sys.executable).with_name('snakemake'), '-s', ROOT/'shards.smk', '--directory', work/'run', '--cores', '2', '--config', *config]
    return subprocess.run(command, env=os.environ | {'CLINBERT_DATA': str(work/'data')}, capture_output=True, text=True)


def bytes_of(folder): return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def test_jobs_make_what_one_call_makes(tmp_path):
    (tmp_path/'hospital').mkdir()
    make_hospital(tmp_path/'hospital', patients=4, premises=1, general_documents=20, biomedical_documents=2)
    notes, tokenizer = tmp_path/'hospital/NOTEEVENTS.csv', tmp_path/'tokenizer'
    train_vocabulary((tmp_path/'hospital/general.txt').read_text().split('\n'), 500).save_pretrained(tokenizer)
    config = [f'notes={notes}', 'name=x', f'tokenizer={tokenizer}', 'choices={"mode": "paper"}', 'shareable=true']
    done = shards(tmp_path, *config)
    assert done.returncode == 0, done.stderr[-2000:]
    sentences, tokens = (next(p for p in (tmp_path/'data'/kind).iterdir() if not p.name.startswith('.')) for kind in ('sentences', 'tokens'))
    report = prepare_notes(notes, tmp_path/'alone', name='x', shareable=True, workers=1, mode='paper')
    assert read_json(sentences/'report.json') == report and report['choices']['mode'] == 'paper'
    assert bytes_of(sentences) == bytes_of(tmp_path/'alone')
    make_tokens(tmp_path/'alone', load_tokenizer(tokenizer), tmp_path/'tokens', workers=1)
    assert bytes_of(tokens) == bytes_of(tmp_path/'tokens')
    again = shards(tmp_path, *config)
    assert again.returncode == 0 and 'Nothing to be done' in again.stderr + again.stdout


@pytest.mark.parametrize('config, sentence', [(['name=x'], 'a file of notes is needed'), (['notes=/nowhere.csv'], '/nowhere.csv does not exist'),
                                              (['notes=' + __file__, 'choices={"mode": "other"}'], 'no known kind')])
def test_wrong_settings_are_one_sentence(config, sentence, tmp_path):
    done = shards(tmp_path, *config)
    assert done.returncode != 0 and sentence in done.stderr and 'Traceback' not in done.stderr
