"""The preparation of a large corpus as jobs, one per shard: the same functions and the same bytes as 02_notes and 02b_tokens on one machine.

On one machine:  snakemake -s shards.smk --cores 8 --config notes=/path/to/NOTEEVENTS.csv.gz name=notes
On a cluster:    snakemake -s shards.smk --executor slurm --jobs 50 --config …     (docs/cluster.md)

config   notes      file of notes (required), on a file system that all machines share, as is the data root (CLINBERT_DATA)
         name       what to call the corpus; default: notes
         choices    JSON of choices as in 02_notes, such as '{"mode": "paper", "categories": ["Discharge summary"]}'
         tokenizer  folder or Hub name of a tokenizer: the shards of word pieces are made as well
         shareable  true if the text may be shown
"""
import json
from pathlib import Path

from snakemake.exceptions import WorkflowError

from clinbert_nb.core import CourseError, unfinished
from clinbert_nb.notes import choices, finish_notes, mark_near_duplicates, prepare_shard, sentences_folder, stage_notes
from clinbert_nb.tokens import load_tokenizer, make_tokens, tokenize_shard, tokens_folder

if 'notes' not in config: raise WorkflowError('a file of notes is needed: --config notes=/path/to/NOTEEVENTS.csv')
NOTES, NAME = config['notes'], config.get('name', 'notes')
CHOICES = config.get('choices') or {}
CHOICES = json.loads(CHOICES) if isinstance(CHOICES, str) else CHOICES
SHAREABLE = True if str(config.get('shareable', '')).lower() == 'true' else None
try: SENTENCES = sentences_folder(NOTES, NAME, SHAREABLE, **CHOICES)
except CourseError as e: raise WorkflowError(str(e))
WORK = unfinished(SENTENCES)
TOKENIZER = config.get('tokenizer')
TOKENS = tokens_folder(SENTENCES, load_tokenizer(TOKENIZER)) if TOKENIZER else None


localrules: all


rule all:
    input: TOKENS/'manifest.json' if TOKENIZER else SENTENCES/'report.json'


if not (SENTENCES/'report.json').exists():  # what is finished stays as it is

    checkpoint stage:
        output: WORK/'plan.json'
        resources: mem_mb=1500, runtime=60
        run:
            wanted = choices(**CHOICES)
            stage_notes(NOTES, WORK, wanted)
            mark_near_duplicates(WORK, wanted.similarity)

    rule shard:
        input: WORK/'plan.json'
        output: WORK/'shard-{k}.json'
        resources: mem_mb=1500, runtime=10
        run: prepare_shard(WORK, int(wildcards.k))

    def all_shards(wildcards):
        plan = json.loads(Path(checkpoints.stage.get().output[0]).read_text())
        return [WORK/f'shard-{k:05}.json' for k in range(len(plan['parts']))]

    checkpoint finish:
        input: all_shards
        output: SENTENCES/'report.json'
        resources: mem_mb=1500, runtime=10
        run:
            finish_notes(WORK, NAME, bool(SHAREABLE))
            WORK.rename(SENTENCES)


if TOKENIZER and not (TOKENS/'manifest.json').exists():

    def shards_of_sentences(wildcards):
        if 'finish' in dir(checkpoints): checkpoints.finish.get()
        return [unfinished(TOKENS)/s.stem.removeprefix('shard-')/'manifest.json' for s in sorted(SENTENCES.glob('shard-*.parquet'))]

    rule tokens:
        input: SENTENCES/'report.json'
        output: unfinished(TOKENS)/'{k}'/'manifest.json'
        resources: mem_mb=1500, runtime=10
        run: tokenize_shard(SENTENCES/f'shard-{wildcards.k}.parquet', load_tokenizer(TOKENIZER), unfinished(TOKENS))

    rule join:
        input: shards_of_sentences
        output: TOKENS/'manifest.json'
        resources: mem_mb=1500, runtime=10
        run:
            make_tokens(SENTENCES, load_tokenizer(TOKENIZER), unfinished(TOKENS), workers=1)
            unfinished(TOKENS).rename(TOKENS)
