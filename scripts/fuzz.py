"""Damage valid files in many ways, and let every reader of the course read them.

usage: python scripts/fuzz.py [READER …] [--mutations 10000] [--seed 0]

A reader may read a damaged file or refuse it with a `CourseError`. Anything else is a fault: another exception, a span outside of its text, a
message that quotes the (restricted) file or is longer than 400 characters. The exit status is 1 if there is one. Every file is invented.
"""
import argparse
import contextlib
import csv
import gzip
import io
import json
import os
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from clinbert_nb.catalogue import write_made
from clinbert_nb.core import CourseError
from clinbert_nb.i2b2_2006 import read_i2b2_2006, write_i2b2_2006
from clinbert_nb.i2b2_2010 import read_concepts, write_concepts
from clinbert_nb.i2b2_2012 import read_events, write_events
from clinbert_nb.i2b2_2014 import read_i2b2_2014, read_presidio, write_i2b2_2014
from clinbert_nb.made import Found, read_made, read_mmi, write_mmi
from clinbert_nb.mednli import read_mednli, read_rqe
from clinbert_nb.ner import Document, Span, read_brat, read_conll, write_brat, write_conll
from clinbert_nb.normalization import Concept, Vocabulary, read_abbreviations, read_pubtator, read_vocabulary, write_pubtator
from clinbert_nb.notes import read_notes

MARKER = 'Zyqword'     # stands in every text field; no message may hold it
LONGEST = 400          # characters of a message
TEXT = f'{MARKER} has fake pain &  a cough of 10 < 20 .\nNo {MARKER} rash, said Dr. {MARKER} on 01/02 .\n'
LINE = f'Fake {MARKER} was seen in TNF-α. {MARKER} had no rash of 7.'


# What is invented, and how it is written.

def place(text: str, words: str, kind: str, *ids: str) -> Span:
    start = text.index(words)
    return Span(start, start + len(words), kind, ids)

def documents(*kinds: str, ids: bool = False) -> list[Document]:
    "Two notes with a span for each type."
    words = ('fake pain', f'{MARKER} rash', '01/02', 'a cough')
    return [Document(f'12{n}-01', TEXT, tuple(sorted(place(TEXT, w, k, *['SNOMEDCT_US:11'][:ids]) for w, k in zip(words, kinds)))) for n in (3, 4)]

def abstracts() -> list[Document]:
    spans = place(LINE, 'TNF-α', 'Disease', 'D1', 'D2'), place(LINE, 'rash', 'Chemical'), place(LINE, f'Fake {MARKER}', 'Disease', 'D3')
    return [Document(id, LINE, tuple(sorted(spans)), id) for id in ('227508', '354896')]

def vocabulary() -> Vocabulary:
    names = {'C0000001': 'fake pain', 'C0000002': f'{MARKER} rash'}
    concepts = {id: Concept(id, (name, f'{MARKER} {name}')) for id, name in names.items()}
    return Vocabulary('invented', concepts, {'SNOMEDCT_US:11': 'C0000001', 'MDR:12': 'C0000002'})

def table(path: Path, rows: list, **dialect):
    with path.open('w', newline='', encoding='utf-8') as f: csv.writer(f, **dialect).writerows(rows)

def packed(path: Path, content: bytes): path.write_bytes(gzip.compress(content, mtime=0))

def make_mednli(folder: Path):
    for split in ('train', 'dev', 'test'):
        rows = [dict(pairID=f'{split}{n}', gold_label=label, sentence1=f'{MARKER} “sleeps”.', sentence2=f'No {MARKER}.') for n, label in enumerate(('neutral', 'entailment', '-'))]
        (folder/f'mli_{split}_v1.jsonl').write_text(''.join(json.dumps(r, ensure_ascii=n % 2 == 0) + '\n' for n, r in enumerate(rows)), encoding='utf-8')

def make_rqe(folder: Path):
    pairs = ''.join(f'<pair pid="{n}" value="{value}"><chq>Is {MARKER} &lt; 7?</chq>\n<faq>What is {MARKER} {n}?</faq></pair>\n' for n, value in enumerate(('true', 'false', 'true')))
    (folder/'rqe.xml').write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<RQE>\n{pairs}</RQE>\n', encoding='utf-8')

NOTES = [('ROW_ID', 'SUBJECT_ID', 'CATEGORY', 'ISERROR', 'TEXT'), (1, 7, 'Nursing', '', TEXT), (2, 8, 'Radiology', '1', f'{MARKER} "fine", é\n\nNo {MARKER}.'), (3, 8, 'Nursing', '', MARKER)]

def make_notes(folder: Path, end: str):
    path = folder/f'NOTEEVENTS{end}'
    if end == '.csv': table(path, NOTES, quoting=csv.QUOTE_NONNUMERIC)
    elif end == '.csv.gz':
        make_notes(folder, '.csv')
        packed(path, (folder/'NOTEEVENTS.csv').read_bytes())
        (folder/'NOTEEVENTS.csv').unlink()
    elif end == '.jsonl': path.write_text(''.join(json.dumps(dict(zip(NOTES[0], row)), ensure_ascii=False) + '\n' for row in NOTES[1:]), encoding='utf-8')
    else: path.write_text('\n\n'.join(row[-1] for row in NOTES[1:]), encoding='utf-8')

MEDIC = [(f'{MARKER} fever', 'MESH:D1', 'DO:1|OMIM:8', f'{MARKER} is a "fever"', 'MESH:D0|OMIM:613', 'C1', 'C0', f'Fake {MARKER}|Fieber {MARKER}', 'x'),
         (f'Rash, {MARKER}', 'OMIM:613', '', '', '', '', '', '')]

def make_medic(folder: Path, name: str):
    head, tabs = '# Report\n# DiseaseName\tDiseaseID\n', '\n'.join('\t'.join(row) for row in MEDIC) + '\n'
    if name.endswith('.csv'): table(folder/name, [('# DiseaseName', 'DiseaseID'), *MEDIC])
    elif name.endswith('.gz'): packed(folder/name, (head + tabs).encode())
    elif name.endswith('.tsv'): (folder/name).write_text(head + tabs, encoding='utf-8')
    else: (folder/name).write_text(f'D1|8|9||{MARKER} fever|Fake {MARKER}\n613||Rash, {MARKER}\n', encoding='utf-8')

def make_mrconso(folder: Path, name: str):
    row = lambda cui, source, code, words, kind: f'{cui}|ENG|{kind}|L1|PF|S1|Y|A1||||{source}|PT|{code}|{words}|0|N|256|\n'
    rows = row('C0000001', 'SNOMEDCT_US', '11', f'{MARKER} fever', 'P'), row('C0000001', 'MDR', '12', f'Fieber {MARKER}', 'S'), row('C0000002', 'MSH', '13', MARKER, 'P')
    (packed if name.endswith('.gz') else Path.write_bytes)(folder/name, ''.join(rows).encode())

def make_ontology(folder: Path):
    table(folder/'HumanDO.tsv', [('id', 'label', 'subClassOf'), ('DOID:1', f'{MARKER} fever', f'{MARKER} disease'), ('DOID:2', f'{MARKER} disease', 'disease')], delimiter='\t')
    for name, prefix in (('MESHinDO', 'MESH:D'), ('OMIMinDO', 'OMIM:')): table(folder/f'{name}.tsv', [('id', 'label', 'xrefs'), ('DOID:1', f'{MARKER} fever', f'{prefix}001')], delimiter='\t')

def make_presidio(folder: Path):
    text = f'Mr. {MARKER} lives in Foo since 1999.'
    spans = [dict(entity_type=kind, entity_value=words, start_position=text.index(words), end_position=text.index(words) + len(words)) for kind, words in (('PERSON', MARKER), ('GPE', 'Foo'), ('TITLE', 'Mr.'))]
    (folder/'presidio.json').write_text(json.dumps([dict(full_text=text, masked=f'{MARKER}', spans=spans, template_id=n) for n in (3, 4)], indent=1), encoding='utf-8')

def make_mmi(folder: Path):
    found = [Found(d.doc_id, s.start, s.end, s.ids[0], TEXT[s.start:s.end], n > 0) for d in documents('C0000001', 'C0000002') for n, s in enumerate(d.spans) for s in [Span(s.start, s.end, 'x', (s.type,))]]
    write_mmi(found, vocabulary(), folder/'notes.mmi')


# How a reader is called, and what it must give: texts with spans, or nothing but text.

def spans_of(read):
    "Check that all spans are inside of their texts; what was odd comes back, for it may be shown."
    def call(folder: Path):
        found = read(folder)
        some, odd = found if isinstance(found, tuple) else (found, '')
        for d in some:
            d.text.encode()
            if any(not 0 <= s.start < s.end <= len(d.text) for s in d.spans): raise OutsideOfText
        return odd
    return call

def frames_of(read):
    def call(folder: Path):
        frames = read(folder).values()
        for frame in frames: ''.join([*frame.premise, *frame.hypothesis]).encode()
        return [frame.attrs for frame in frames]
    return call

def names_of(read):
    def call(folder: Path):
        found, odd = read(folder)
        ''.join(name + id for name, id in found.names).encode()
        return odd
    return call

def mmi_inside(folder: Path):
    found, odd = read_mmi(folder/'notes.mmi', documents())
    if any(not 0 <= f.start < f.end <= len(TEXT) for f in found): raise OutsideOfText
    return odd

def all_notes(name: str):
    def call(folder: Path):
        broken = []
        for batch in read_notes(folder/name, broken=broken): batch.validate(full=True)
        return broken
    return call

def short_forms(folder: Path):
    found, odd = read_abbreviations(folder/'short.tsv')
    json.dumps(found, ensure_ascii=False).encode()
    return odd

class OutsideOfText(Exception):
    "A span is empty or outside of its text."

CLINICAL = ('PROBLEM', 'TEST', 'OCCURRENCE', 'TREATMENT')
READERS = {   # name → what writes its files into a folder, what reads them
    'i2b2_2006': (lambda f: write_i2b2_2006(documents('ID', 'DOCTOR', 'DATE'), f/'deid.xml'), spans_of(lambda f: read_i2b2_2006(f/'deid.xml'))),
    'i2b2_2010': (lambda f: write_concepts(documents('problem', 'test', 'treatment'), f), spans_of(read_concepts)),
    'i2b2_2012_xml': (lambda f: write_events(documents(*CLINICAL), f), spans_of(read_events)),
    'i2b2_2012_extent': (lambda f: write_events(documents(*CLINICAL), f, 'extent'), spans_of(lambda f: read_events(f, form='extent'))),
    'i2b2_2014': (lambda f: write_i2b2_2014(documents('DATE', 'DOCTOR', 'AGE'), f/'notes'), spans_of(lambda f: read_i2b2_2014(f/'notes'))),
    'i2b2_2014_forgiving': (lambda f: write_i2b2_2014(documents('DATE', 'DOCTOR', 'AGE'), f/'notes'), spans_of(lambda f: read_i2b2_2014(f/'notes', strict=False))),
    'brat': (lambda f: write_brat(documents('x', 'y', 'z', ids=True), f/'brat'), spans_of(lambda f: read_brat(f/'brat'))),
    'conll': (lambda f: write_conll(documents('x', 'y', 'z'), f/'notes.conll'), spans_of(lambda f: read_conll(f/'notes.conll'))),
    'mednli': (make_mednli, frames_of(read_mednli)),
    'rqe': (make_rqe, frames_of(lambda f: read_rqe(f/'rqe.xml'))),
    **{f'notes_{end}': (lambda f, end=end: make_notes(f, '.' + end), all_notes(f'NOTEEVENTS.{end}')) for end in ('csv', 'csv.gz', 'jsonl', 'txt')},
    'pubtator': (lambda f: write_pubtator(abstracts(), f/'abstracts.txt'), spans_of(lambda f: read_pubtator(f/'abstracts.txt', ['Disease']))),
    'pubtator_strict': (lambda f: write_pubtator(abstracts(), f/'abstracts.txt'), spans_of(lambda f: read_pubtator(f/'abstracts.txt', strict=True))),
    'made': (lambda f: write_made(documents('ADE', 'SSLIF', 'Drug', ids=True), f/'made'), spans_of(lambda f: read_made(f/'made', codes=False))),
    'mmi': (make_mmi, mmi_inside),
    **{f'medic_{name}': (lambda f, name=name: make_medic(f, f'medic.{name}'), names_of(lambda f, name=name: read_vocabulary(f/f'medic.{name}'))) for name in ('tsv', 'csv', 'txt', 'tsv.gz')},
    **{f'mrconso{end}': (lambda f, end=end: make_mrconso(f, f'MRCONSO.RRF{end}'), names_of(lambda f, end=end: read_vocabulary(f/f'MRCONSO.RRF{end}'))) for end in ('', '.gz')},
    'disease_ontology': (make_ontology, names_of(read_vocabulary)),
    'presidio': (make_presidio, spans_of(lambda f: read_presidio(f/'presidio.json'))),
    'short_forms': (lambda f: (f/'short.tsv').write_text(f'1\tFM\tFake {MARKER}\n2\tR\tRash {MARKER}\n', encoding='utf-8'), short_forms),
}


# Damage.

PIECES = [p.encode() if isinstance(p, str) else p for p in (
    '\ufeff', '\0', '\x1c', '\x85', '\u2028', '\r', '\n', '\n\n', '\t', '|', '||', '"', "'", ',', ';', ':', '/', '-', '&', '&a;', '&#0;', '&#xD800;', '&amp;', '<', '>', ']]>', '<![CDATA[', '<!--',
    '<?x?>', '<a>', '</TEXT>', '<TEXT>', '<!DOCTYPE a [<!ENTITY a "b">]>', '<!DOCTYPE a SYSTEM "b">', '<a>'*3000, '['*3000, '{"a":'*3000, '[]', '{}', 'null', 'true', '1e999', '-1', '²', '٣', '9'*20, '9'*5000,
    '\\ud800', '\\', b'\xcb', b'\xff', b'\xc3', b'\xed\xa0\x80', b'\xff\xfe', 'T1\tx 0 1\ta', '-DOCSTART-', 'O', 'B-', 'I-x', '|t|', '|a|', 'a'*150_000, MARKER, f'"{MARKER}', f'{MARKER}"')]
CODECS = [b'UTF-0', b'undefined', b'punycode', b'mbcs', b'idna', b'shift_jis', b'utf-16', b'utf-7', b'unicode_escape', b'latin-1', b'ascii', b'hex', b'']

def span_in(data: bytes, dice: random.Random, longest: int) -> tuple[int, int]:
    start = dice.randrange(len(data) + 1)
    return start, min(len(data), start + dice.randrange(longest + 1))

def flipped(data, dice):
    at, _ = span_in(data, dice, 0)
    return data[:at] + bytes([dice.randrange(256)]) + data[at+1:]

def inserted(data, dice):
    at, _ = span_in(data, dice, 0)
    return data[:at] + dice.choice(PIECES) + data[at:]

def in_front(data, dice): return dice.choice(PIECES) + data

def replaced(data, dice):
    start, end = span_in(data, dice, 30)
    return data[:start] + dice.choice(PIECES) + data[end:]

def deleted(data, dice):
    start, end = span_in(data, dice, 60)
    return data[:start] + data[end:]

def moved(data, dice):
    (start, end), (at, _) = span_in(data, dice, 60), span_in(data, dice, 0)
    return data[:at] + data[start:end] + data[at:]

def cut(data, dice): return data[:span_in(data, dice, 0)[0]]

def lines_changed(data, dice):
    lines = data.splitlines(keepends=True) or [b'']
    i, j = dice.randrange(len(lines)), dice.randrange(len(lines))
    how = dice.randrange(4)
    if how == 0: lines.insert(i, lines[j])
    elif how == 1: lines[i], lines[j] = lines[j], lines[i]
    elif how == 2: del lines[i]
    else: lines[i] = lines[i].rstrip(b'\r\n')
    return b''.join(lines)

def numbers_changed(data, dice):
    places = [m.span() for m in re.finditer(rb'\d+', data)]
    if not places: return data
    (a, b), (c, d) = dice.choice(places), dice.choice(places)
    other = dice.choice([data[c:d], b'%d' % dice.randrange(300), b'-1', b'', b'9'*20, b'9'*5000, '²'.encode(), '٣'.encode(), b'1.5', b'0'])
    return data[:a] + other + data[b:]

def encoding_changed(data, dice):
    return re.sub(rb'encoding="[^"]*"', b'encoding="%s"' % dice.choice(CODECS), data, count=1)

DAMAGE = [flipped, inserted, in_front, replaced, deleted, moved, cut, lines_changed, numbers_changed, numbers_changed, encoding_changed]

def damaged(data: bytes, name: str, dice: random.Random) -> bytes:
    "A file with one to three faults; of an archive, outside or inside."
    inside = name.endswith('.gz') and dice.random() < .5
    if inside: data = gzip.decompress(data)
    for _ in range(dice.choice((1, 1, 2, 3))): data = dice.choice(DAMAGE)(data, dice)
    return gzip.compress(data, 1, mtime=0) if inside else data


# The run.

def called(read, folder: Path) -> tuple[str, str]:
    "What became of a reading ('read', 'refused', or the name of what escaped), and everything that it said."
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said): odd = read(folder)
        return 'read', said.getvalue() + str(odd)
    except CourseError as e: return 'refused', said.getvalue() + str(e) + ' '*(len(str(e)) > LONGEST and 10**6)
    except Exception: return traceback.format_exc().strip(), ''

def faults(name: str, mutations: int, seed: int, folder: Path) -> tuple[Counter, dict[str, tuple[str, bytes]]]:
    "Counts of what became of the files, and for each kind of fault the first file."
    make, read = READERS[name]
    make(folder)
    files = {p: p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file() and not p.name.startswith('.')}
    outcome, said = called(read, folder)
    if outcome != 'read': raise SystemExit(f'{name}: the valid file was not read: {outcome} {said}')
    dice, counts, examples = random.Random(f'{seed} {name}'), Counter(), {}
    for _ in range(mutations):
        path = dice.choice(list(files))
        path.write_bytes(bad := damaged(files[path], path.name, dice))
        outcome, said = called(read, folder)
        path.write_bytes(files[path])
        fault = ''
        if outcome not in ('read', 'refused'):
            fault = 'outside' if 'OutsideOfText' in outcome.splitlines()[-1] else 'escapes'
            said = outcome
        elif MARKER in said: fault = 'quotes'
        elif len(said) > 10**6: fault = 'long'
        counts[fault or outcome] += 1
        counts['files'] += 1
        if fault: examples.setdefault(f'{fault}: ' + re.sub(r'0x\w+|\d+', '…', said.strip().splitlines()[-1][:200]), (said, path.name, bad))
    return counts, examples

COLUMNS = ('files', 'read', 'refused', 'escapes', 'outside', 'quotes', 'long')

def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('readers', nargs='*', metavar='READER', help=', '.join(READERS))
    parser.add_argument('--mutations', type=int, default=10_000, help='damaged files for each reader')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--verbose', action='store_true', help='show the first traceback of each fault')
    args = parser.parse_args(argv)
    if unknown := set(args.readers) - set(READERS): parser.error(f'there is no reader {min(unknown)}; expected {", ".join(READERS)}')
    memory = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    total, wrong = Counter(), 0
    print(f'{"reader":20}' + ''.join(f'{c:>9}' for c in COLUMNS) + '  files/s', flush=True)
    for name in args.readers or READERS:
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            start = time.perf_counter()
            counts, examples = faults(name, args.mutations, args.seed, Path(folder))
        total += counts
        print(f'{name:20}' + ''.join(f'{counts[c]:>9,}' for c in COLUMNS) + f'{counts["files"]/(time.perf_counter() - start):>9,.0f}', flush=True)
        for what, (said, file, _) in examples.items(): print(f'    {file}: {said if args.verbose else what}', flush=True)
        wrong += len(examples)
    print(f'{"all":20}' + ''.join(f'{total[c]:>9,}' for c in COLUMNS))
    return int(wrong > 0)


if __name__ == '__main__': sys.exit(main())
