"""Shards of sentences as 02 writes them, for the tests of what reads them."""
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ['note_id', 'subject_id', 'category', 'section', 'index', 'text']
SCHEMA = pa.schema([(c, pa.int32() if c == 'index' else pa.string()) for c in COLUMNS])


def write_shards(folder, *shards):
    "A shard for each list of notes (note_id, subject_id, category, sentences)."
    folder.mkdir(parents=True, exist_ok=True)
    for number, notes in enumerate(shards):
        rows = [dict(note_id=note, subject_id=patient, category=category, section='', index=i, text=text)
                for note, patient, category, sentences in notes
                for i, text in enumerate(sentences)]
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder/f'shard-{number:05d}.parquet')
    return folder
