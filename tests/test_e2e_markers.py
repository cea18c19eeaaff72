"""No word of a restricted corpus outside the data root: every word of small corpora is marked, every notebook that reads them is run, and every file is searched for the mark.

The corpora have no `corpus.json`, so nobody has said that they may be shown. Each format is written by the project's own writer from the hospital's notes, with `Zqx` in front of each word,
and read by its notebook, once as it is and once damaged. Searched are the results (executed notebooks, those that failed, checkpoints, tables), the home, the working and the temporary folder.
`CLINBERT_MARKERS=full` runs every format of each notebook, the slow notebook on speed, and nine damaged files through their notebooks; without it, one format of each notebook is
run, two damaged files go through theirs, and the others are given to the readers alone."""
import csv
import gzip
import io
import json
import os
import re
import shutil
import tempfile
import zipfile
from dataclasses import replace
from html import escape
from itertools import islice
from pathlib import Path

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clinbert_nb import i2b2_2006, i2b2_2010, i2b2_2012, i2b2_2014
from clinbert_nb.annotated import concept_documents, event_documents, identity_documents
from clinbert_nb.catalogue import book_of, ensure_catalogue, made_documents, terms_of, write_made
from clinbert_nb.core import CourseError, run_notebook
from clinbert_nb.hospital import COLUMNS, patient_notes
from clinbert_nb.made import Found, read_made, write_mmi
from clinbert_nb.mednli import read_mednli, read_rqe
from clinbert_nb.ner import read_brat, write_brat
from clinbert_nb.normalization import read_mrconso, read_pubtator, write_pubtator
from clinbert_nb.notes import read_notes
from clinbert_nb.pretraining import tiny_bert
from clinbert_nb.files import read_json
from clinbert_nb.tokens import train_vocabulary
from clinbert_nb.other_text import pairs

ROOT = Path(__file__).resolve().parent.parent
FULL = os.environ.get('CLINBERT_MARKERS') == 'full'
MARK = 'Zqx'
WORD = re.compile(r'[^\W\d_]+')


# marked corpora

def marked(text): return WORD.sub(lambda m: MARK + m[0], text)

def marked_document(d):
    "A document with every word marked, and its spans where they belong."
    starts = [m.start() for m in WORD.finditer(d.text)]
    moved = lambda i: i + len(MARK)*sum(s < i for s in starts)
    return replace(d, text=marked(d.text), spans=tuple(replace(s, start=moved(s.start), end=moved(s.end)) for s in d.spans))

def marked_documents(documents): return [marked_document(d) for d in documents]


def write_notes(folder):
    "Notes in every format that 02 reads; one category is a word of its own, too."
    rows = [(str(i), *note) for i, note in enumerate((n for p in range(60) for n in islice(patient_notes(p, 0), 6)), 1)]   # some patients are held out
    text, category = COLUMNS.index('TEXT'), COLUMNS.index('CATEGORY')
    unusual = lambda c: marked(c) if c.startswith('Phys') else c
    rows = [[marked(v) if i == text else unusual(v) if i == category else v for i, v in enumerate(row)] for row in rows]
    with (folder/'notes.csv').open('w', newline='', encoding='utf-8') as f: csv.writer(f).writerows([COLUMNS, *rows])
    with gzip.open(folder/'notes.csv.gz', 'wb') as f: f.write((folder/'notes.csv').read_bytes())
    records = [{c: str(v) for c, v in zip(COLUMNS, row)} for row in rows]
    (folder/'notes.jsonl').write_text(''.join(json.dumps(r) + '\n' for r in records))
    pq.write_table(pa.Table.from_pylist(records), folder/'notes.parquet')
    (folder/'notes.txt').write_text('\n\n'.join(re.sub(r'\n\s*\n', '\n', r['TEXT']) for r in records))
    with (folder/'mtsamples.csv').open('w', newline='', encoding='utf-8') as f:
        csv.writer(f).writerows([['transcription'], *([r['TEXT'].replace('\n', ',')] for r in records)])
    (folder/'texts').mkdir()
    for r in records[:6]: (folder/f"texts/{r['ROW_ID']}.txt").write_text(r['TEXT'])
    return rows

def write_pairs(folder):
    "MedNLI's three files, and RQE's one."
    (folder/'mednli').mkdir()
    some = [(f'{p}-{i}', marked(premise), marked(hypothesis), label) for p in range(30) for i, (premise, hypothesis, label) in enumerate(pairs(p, 0, 1))]
    for split, part in dict(train=some[:60], dev=some[60:75], test=some[75:]).items():
        lines = [json.dumps(dict(pairID=i, gold_label=label, sentence1=a, sentence2=b)) for i, a, b, label in part]
        (folder/f'mednli/mli_{split}_v1.jsonl').write_text('\n'.join(lines))
    rows = [f'<pair pid="{i}" value="{str(label == "entailment").lower()}"><chq>{escape(a)}</chq><faq>{escape(b)}</faq></pair>' for i, a, b, label in some]
    (folder/'rqe.xml').write_text(f'<RQE>{"".join(rows)}</RQE>')

def write_deidentification(folder):
    documents = marked_documents(identity_documents(12, 0, '2006'))
    i2b2_2006.write_i2b2_2006(documents[:9], folder/i2b2_2006.TRAIN)
    i2b2_2006.write_i2b2_2006(documents[9:], folder/i2b2_2006.TEST)
    documents = marked_documents(identity_documents(12, 0, '2014'))
    groups = sorted({d.group for d in documents})
    for name, inside in dict(train=groups[:9], test=groups[9:]).items(): i2b2_2014.write_i2b2_2014([d for d in documents if d.group in inside], folder/'i2b2_2014'/name)
    records = []
    for i, d in enumerate(documents):
        line = d.text.split('\n')[0] + ' Zqxnobody'
        at = line.index('Zqxnobody')
        records.append(dict(full_text=line, spans=[dict(entity_type='PERSON', entity_value='Zqxnobody', start_position=at, end_position=len(line))], template_id=i))
    (folder/'presidio.json').write_text(json.dumps(records))

def write_concepts(folder):
    documents = marked_documents(i2b2_2010.one_sentence_a_line(d) for d in concept_documents(6, 0))
    groups = sorted({d.group for d in documents})
    train, test = [[d for d in documents if d.group in some] for some in (groups[:4], groups[4:])]
    i2b2_2010.write_concepts(train, folder/'i2b2_2010'/i2b2_2010.TRAIN[0])
    i2b2_2010.write_concepts(test, folder/'i2b2_2010'/i2b2_2010.TEST[0])
    (folder/'i2b2_2010'/i2b2_2010.TEST[0]/'txt').rename(folder/'i2b2_2010'/i2b2_2010.TEST[1])
    back = dict(problem='Sign_symptom', test='Diagnostic_procedure', treatment='Medication')
    write_brat([replace(d, spans=tuple(replace(s, type=back[s.type]) for s in d.spans)) for d in train], folder/'maccrobat')
    events = marked_documents(i2b2_2012.laid_out(d) for d in event_documents(8, 0))
    for form in ('xml', 'extent'): i2b2_2012.write_events(events[:6], folder/'i2b2_2012'/i2b2_2012.TRAIN, form)
    i2b2_2012.write_events(events[6:], folder/'i2b2_2012'/i2b2_2012.TEST[0])

def write_normalization(folder, catalogue):
    for corpus in ('ncbi', 'cdr'):
        (folder/corpus).mkdir()
        for name, n in dict(train=30, develop=10, test=10).items():
            write_pubtator(marked_documents(read_pubtator(catalogue/corpus/f'{name}.txt')[0][:n]), folder/corpus/f'{name}.txt')
    documents, terms = marked_documents(made_documents(12, 0)), terms_of(book_of(0))
    groups = sorted({d.group for d in documents})
    for name, inside in dict(train=groups[:8], test=groups[8:]).items():
        write_made([d for d in documents if d.group in inside], folder/'made'/name, {k: marked(v) for k, v in terms.items()})
    umls, _ = read_mrconso(catalogue/'MRCONSO.RRF')   # whose names do not bear the mark, so the dictionary would find none of them
    places = [(d, s) for d in documents if d.group in groups[8:] for s in d.spans[:3]]
    write_mmi([Found(d.doc_id, s.start, s.end, next(iter(umls.concepts)), d.text[s.start:s.end]) for d, s in places], umls, folder/'found.mmi')

def write_model(folder, words):
    "A tiny checkpoint whose vocabulary was learned from these words."
    tokenizer = train_vocabulary(words, 1200)
    tiny_bert(tokenizer, 32, 1).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    "Folders of their own for everything that a run can write to, and the corpora under the data root."
    root = tmp_path_factory.mktemp('markers')
    for name in ('data/corpora', 'results', 'home', 'cwd', 'temp'): (root/name).mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        for variable, name in dict(CLINBERT_DATA='data', CLINBERT_RESULTS='results', HOME='home', TMPDIR='temp', JOBLIB_TEMP_FOLDER='temp').items(): patch.setenv(variable, str(root/name))
        for variable in ('XDG_DATA_HOME', 'XDG_CACHE_HOME', 'HF_HOME', 'CLINBERT_CHECKPOINT'): patch.delenv(variable, raising=False)
        patch.setattr(tempfile, 'tempdir', None)
        patch.chdir(root/'cwd')
        corpora = root/'data/corpora'
        rows = write_notes(corpora)
        write_pairs(corpora), write_deidentification(corpora), write_concepts(corpora), write_normalization(corpora, ensure_catalogue())
        words = [row[-1] for row in rows]
        write_model(root/'data/models/marked', words), write_model(root/'data/models/twin', words), write_model(root/'data/models/plain', [w.replace(MARK, '') for w in words])
        yield root


# searching

def unpacked(path):
    "The contents of a file as texts, and whether it is no text: there the mark must be longer, or chance would find it."
    data, kind = path.read_bytes(), path.suffix
    if kind in ('.png', '.jpg'): return
    if kind == '.ipynb':
        book = json.loads(data)
        for output in (o for c in book['cells'] for o in c.get('outputs', [])): output.get('data', {}).pop('image/png', None)
        yield json.dumps(book), False
    elif kind == '.parquet': yield json.dumps(pq.read_table(io.BytesIO(data)).to_pydict(), default=str), False
    elif kind == '.gz': yield gzip.decompress(data).decode('latin-1'), False
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive: yield from ((archive.read(n).decode('latin-1'), True) for n in archive.namelist())
    else: yield data.decode('latin-1'), b'\0' in data[:4096] or kind == '.safetensors'

def marks(text, binary=False):
    "Marked words in a text, also those that are cut into word pieces, and their surroundings."
    joined = text if binary else re.sub(r'[\\\s"\',]*##', '', text)
    return [joined[max(0, m.start()-60):m.end()+40] for m in re.finditer('(?i)zqx[a-z]{3}' if binary else '(?i)zqx', joined)]

def is_given(path, root):
    "Whether a file is the tokenizer of a model that a task has kept, with the very vocabulary of the checkpoint that was given: it goes where the weights go."
    if path.name != 'tokenizer.json' or path.parent.parent != root/'results/demo/models': return False
    entries = lambda file: json.loads(file.read_text(encoding='utf-8'))['model']['vocab']
    return entries(path) in [entries(root/f'data/models/{name}/tokenizer.json') for name in ('marked', 'plain')]

SEARCHED = {}   # file → when it was written

def hits(root):
    "Marks in all files outside of the data root that are new or have changed: (file, surroundings)."
    found = []
    for path in root.rglob('*'):
        if not path.is_file() or path.is_relative_to(root/'data') or SEARCHED.get(path) == path.stat().st_mtime_ns: continue
        SEARCHED[path] = path.stat().st_mtime_ns
        if is_given(path, root): continue
        found += [(str(path.relative_to(root)), hit) for text, binary in unpacked(path) for hit in marks(text, binary)]
    return found


def test_the_search_finds_marks_in_every_kind_of_file(tmp_path):
    (tmp_path/'out').mkdir()
    put = lambda name: tmp_path/'out'/name
    put('a.log').write_text('said Zqxpain'), put('b.json').write_text(json.dumps('é zqxpain')), put('tokenizer.json').write_text('["Z", "##q", "##xp"]')
    pq.write_table(pa.table(dict(text=['Zqxpain']*3)), put('c.parquet'))
    with gzip.open(put('d.csv.gz'), 'wb') as f: f.write(b'Zqxpain')
    with zipfile.ZipFile(put('e.npz'), 'w', zipfile.ZIP_DEFLATED) as archive: archive.writestr('x', 'Zqxpain'*9)
    put('f.safetensors').write_bytes(b'\0\0Zqxpain\0')
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('1', outputs=[nbformat.v4.new_output('display_data', {'text/html': '<b>Zqxpain</b>'})])])
    nbformat.write(book, put('g.ipynb'))
    (tmp_path/'data').mkdir(), (tmp_path/'data/ours.txt').write_text('Zqxpain')
    assert sorted({file for file, _ in hits(tmp_path)}) == sorted(str(p.relative_to(tmp_path)) for p in (tmp_path/'out').iterdir()) and len(list((tmp_path/'out').iterdir())) == 8
    assert not hits(tmp_path), 'what was searched is not searched again'


def test_what_a_model_says_is_shown_by_one_function_only():
    for path in sorted((ROOT/'nbs').glob('*.ipynb')):
        shown = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == 'code' and not c.source.startswith(('#| export', '#| test'))]
        assert not [s for s in shown if 'fill_mask(' in s], f'{path.name} shows completions without `completions`'


# runs

CATALOGUE = 'data/synthetic/catalogue-0'
FEW = dict(seeds=1, epochs=[1])
RUNS = {   # name → notebook, parameters; a text that begins with / is a path below the test's folder
    'readings': ('01c_readings', dict(notes='/data/corpora/notes.csv', limit=40)),
    'csv': ('02_notes', dict(notes='/data/corpora/notes.csv', name='csv', replace_markers=True, workers=1)),
    'tokens': ('02b_tokens', dict(corpora=dict(notes='/data/corpora/notes.csv'), model='/data/models/marked', workers=1)),
    'instances': ('02c_instances', dict(corpora=dict(notes='/data/corpora/notes.csv'), model='/data/models/marked')),
    'pretraining': ('03_pretraining', dict(corpora=dict(notes='/data/corpora/notes.csv'), family=dict(A=['/data/models/plain', 'notes'], B=['A', 'notes']), steps=4, batch_size=4,
                                           max_seq_length=24, evaluations=1)),
    'mednli': ('05_mednli', dict(data='/data/corpora/mednli', models=['/data/models/marked'], **FEW)),
    'i2b2_2006': ('07_i2b2_2006', dict(data=f'/data/corpora/{i2b2_2006.TRAIN}', models=['/data/models/marked'], lessons=False, **FEW)),
    'i2b2_2010': ('08_i2b2_2010', dict(data='/data/corpora/i2b2_2010', models=['/data/models/marked'], lessons=False, **FEW)),
    'i2b2_2012': ('09_i2b2_2012', dict(data='/data/corpora/i2b2_2012', models=['/data/models/marked'], lessons=False, **FEW)),
    'i2b2_2014': ('10_i2b2_2014', dict(data=['/data/corpora/i2b2_2014/train'], test=['/data/corpora/i2b2_2014/test'], models=['/data/models/marked'], puzzle=False, **FEW)),
    'softmax': ('11c_softmax', dict(data='/data/corpora/ncbi', models=['/data/models/marked'], seeds=1, epochs=1, classes=50, hidden=32, rounds=1, negatives=[8])),
    'pairwise': ('11d_pairwise', dict(data='/data/corpora/ncbi', epochs=1)),
    'made': ('12_made', dict(data='/data/corpora/made/train', test='/data/corpora/made/test', vocabulary=f'/{CATALOGUE}/MRCONSO.RRF', models=['/data/models/marked'],
                             encoder='/data/models/marked', metamap='/data/corpora/found.mmi', **FEW)),
    'ncbi': ('13_ncbi_disease', dict(data='/data/corpora/ncbi', vocabulary=f'/{CATALOGUE}/CTD_diseases.tsv', models=['/data/models/marked'], encoder='/data/models/marked', synonyms={},
                                     dev_too=False, **FEW)),
    'cdr': ('14_cdr', dict(data='/data/corpora/cdr', vocabulary=f'/{CATALOGUE}/CTD_diseases.tsv', models=['/data/models/marked'], dev_too=False, **FEW)),
    'annotate': ('14b_annotate', dict(notes='/data/corpora/texts', output='/data/annotated', names='/results/demo/models/10_i2b2_2014', concepts='/results/demo/models/08_i2b2_2010',
                                      normalizer='/results/demo/models/12_made', least=0)),
    'neighbors': ('16_neighbors', dict(models=['/data/models/marked', '/data/models/twin'], compare=['marked', 'twin'], min_count=2, notes='/data/corpora/notes.csv', general='/data/corpora/notes.txt',
                                       sample=20, draws=100)),
    'attention': ('17_attention', dict(data='/data/corpora/made/train', test='/data/corpora/made/test', vocabulary=f'/{CATALOGUE}/MRCONSO.RRF', normalizer='/results/demo/models/12_made',
                                       mentions=20, draws=100)),
    'release': ('20_release', dict(models=['/results/demo/models/08_i2b2_2010'], output='/data/released', agreement='an agreement')),
}
MORE = {
    **{kind: ('02_notes', dict(notes=f'/data/corpora/notes.{kind}', name=kind.replace('.', ''), workers=1)) for kind in ('csv.gz', 'jsonl', 'parquet', 'txt')},
    'rqe': ('05_mednli', dict(data='/data/corpora/rqe.xml', corpus='rqe', models=['/data/models/marked'], **FEW)),
    'maccrobat': ('08_i2b2_2010', dict(data='/data/corpora/maccrobat', corpus='maccrobat', folds=2, models=['/data/models/marked'], lessons=False, **FEW)),
    'presidio': ('10_i2b2_2014', dict(data=['/data/corpora/presidio.json'], corpus='presidio', models=['/data/models/marked'], puzzle=False, **FEW)),
    'extent': ('09_i2b2_2012', RUNS['i2b2_2012'][1] | dict(form='extent')),
    'mtsamples': ('10_i2b2_2014', dict(data=['/data/corpora/mtsamples.csv'], corpus='mtsamples', models=['/data/models/marked'], puzzle=False, max_train=20, max_test=10, **FEW)),
    'speed': ('21_speed', dict(notes='/data/corpora/notes.csv', sample=.02, sample_ours=.02, sample_parser=.001, repeats=1)),
}

def below(root, value):
    "A parameter with its paths below `root`."
    if isinstance(value, dict): return {k: below(root, v) for k, v in value.items()}
    if isinstance(value, list): return [below(root, v) for v in value]
    return f'{root}{value}' if isinstance(value, str) and value.startswith('/') else value

@pytest.mark.parametrize('name', [*RUNS, *(MORE if FULL else ())])
def test_a_notebook_shows_and_stores_no_word(name, place, capfd):
    notebook, parameters = (RUNS | MORE)[name]
    run_notebook(ROOT/f'nbs/{notebook}.ipynb', place/f'results/executed/{name}.ipynb', below(place, parameters), progress=False)
    said = capfd.readouterr()
    assert not hits(place) and not marks(said.out + said.err)
    assert any(marks(text) for path in (place/'data').rglob('*') if path.is_file() for text, _ in unpacked(path)), 'the marks are there, in the data root'


# damaged files

def damaged(data, how):
    "A file's bytes with something wrong in the middle of it."
    lines = data.split(b'\n')
    at = len(lines)//2
    if how == 'cut': return data[:len(data)*3//5]
    if how == 'byte': return data[:len(data)//2] + b'\xcb' + data[len(data)//2:]
    if how == 'line': return b'\n'.join([*lines[:at], b'Zqxgarbage|Zqxin\ta||"Zqxline" <Zqxof> {Zqxtext', *lines[at:]])
    if how == 'labels': return re.sub(rb'(?<=type=")\w+|(?<=TYPE=")\w+|(?<=\|\|t=")\w+|(?<="gold_label": ")\w+|(?<="entity_type": ")\w+|(?<=value=")\w+|(?<=<infon key="type">)\w+|(?<=^T1\t)\w+', b'ZqxLABEL', data)
    return b'\n'.join([lines[0], *(re.sub(rb'\d+', b'Zqxnumber', line) for line in lines[1:])])   # the first may name the encoding

HARMS = ('cut', 'byte', 'line', 'labels', 'numbers')
READERS = {   # file or folder → what reads it, the largest file in it is damaged
    'notes.csv': lambda p: [b for b in read_notes(p)], 'notes.csv.gz': lambda p: [b for b in read_notes(p)], 'notes.jsonl': lambda p: [b for b in read_notes(p)],
    'notes.parquet': lambda p: [b for b in read_notes(p)], 'notes.txt': lambda p: [b for b in read_notes(p)],
    'mednli': read_mednli, 'rqe.xml': read_rqe, i2b2_2006.TRAIN: i2b2_2006.read_i2b2_2006, 'i2b2_2010': i2b2_2010.read_2010, 'maccrobat': read_brat,
    'i2b2_2012': i2b2_2012.read_2012, 'i2b2_2014/train': i2b2_2014.read_i2b2_2014, 'presidio.json': i2b2_2014.read_presidio, 'ncbi/train.txt': read_pubtator, 'cdr/train.txt': read_pubtator, 'made/train': read_made,
}
DAMAGED_FILES = {'i2b2_2010': '*.con', 'maccrobat': '*.ann', 'made/train': '*.xml', 'i2b2_2012': '*.xml', 'mednli': '*train*'}

def damage(place, name, how):
    "A damaged copy of a corpus under the data root."
    copy = place/'data/damaged'/how/name
    copy.parent.mkdir(parents=True, exist_ok=True)
    source = place/'data/corpora'/name
    if source.is_file():
        copy.write_bytes(damaged(source.read_bytes(), how))
        return copy
    shutil.copytree(source, copy, dirs_exist_ok=True)
    for file in sorted(copy.rglob(DAMAGED_FILES.get(name, '*.xml')))[:1 if how != 'labels' else None]: file.write_bytes(damaged(file.read_bytes(), how))
    return copy

def sentences_of(error):
    "What a traceback would print of an error and of those behind it."
    while error:
        yield f'{type(error).__name__}: {error}'
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

@pytest.mark.parametrize('name', READERS)
def test_a_reader_of_damaged_files_says_no_word(name, place, capfd):
    told, refused = [], 0
    for how in HARMS:
        try: READERS[name](damage(place, name, how))
        except Exception as e: told, refused = told + [(how, said) for said in sentences_of(e)], refused + 1
    said = capfd.readouterr()
    assert not [(how, sentence) for how, sentence in told if marks(sentence)] and not marks(said.out + said.err)
    assert refused or name == 'notes.txt', 'no damage was noticed'


BROKEN = {   # run → corpus and harm; the notebook that fails is searched
    'csv': ('notes', 'notes.csv', 'line'), 'mednli': ('data', 'mednli', 'labels'), 'i2b2_2006': ('data', i2b2_2006.TRAIN, 'labels'), 'i2b2_2012': ('data', 'i2b2_2012', 'labels'),
    'i2b2_2010': ('data', 'i2b2_2010', 'labels'), 'maccrobat': ('data', 'maccrobat', 'line'), 'made': ('data', 'made/train', 'labels'), 'rqe': ('data', 'rqe.xml', 'labels'),
    'readings': ('notes', 'notes.csv', 'cut'),
}

@pytest.mark.parametrize('name', BROKEN if FULL else ['mednli', 'i2b2_2012'])
def test_a_notebook_that_fails_shows_no_word(name, place, capfd):
    (notebook, parameters), (parameter, corpus, how) = (RUNS | MORE)[name], BROKEN[name]
    broken = damage(place, corpus, how)
    try: run_notebook(ROOT/f'nbs/{notebook}.ipynb', out := place/f'results/broken/{name}.ipynb', below(place, parameters) | {parameter: str(broken)}, progress=False)
    except CourseError as e: assert not marks(str(e)) and out.with_name(f'failed-{out.name}').exists()
    said = capfd.readouterr()
    assert not hits(place) and not marks(said.out + said.err)

def test_a_vocabulary_is_not_learned_in_silence(place):
    parameters = dict(corpora=dict(notes=str(place/'data/corpora/notes.csv')))
    with pytest.raises(CourseError, match='would hold whole words of that text. Name a checkpoint .* or allow it with restricted_vocabulary: true'):
        run_notebook(ROOT/'nbs/02c_instances.ipynb', place/'results/broken/vocabulary.ipynb', parameters, progress=False)
    assert not hits(place)

def test_the_checkpoints_know_what_they_have_read(place):
    for name in 'AB':
        record = read_json(place/f'results/demo/models/{name}/corpus.json')
        assert record['shareable'] is False and any(k.startswith('notes-') and v is False for k, v in record['read'].items())

def test_how_much_was_searched(place, capsys):
    executed = list((place/'results').rglob('*.ipynb'))
    with capsys.disabled(): print(f'\nmarkers: {len(executed)} notebooks run, {len(SEARCHED)} files searched')
    assert len(executed) >= len(RUNS) and len(SEARCHED) > 100
