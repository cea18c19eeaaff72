"""Does a notebook's page agree with itself: its outputs with its code and defaults, its prose with its outputs? And is it light?"""
import hashlib
import json
import re

import nbformat

DIGESTS = 'nbs/outputs.json'   # notebook → digest of the code that made its stored outputs
DENSITY = 'nbs/density.csv'    # notebook → what it may not exceed


def code_cells(book, tests=False):
    "The code cells of a notebook, with or without those that only define tests."
    return [c for c in book.cells if c.cell_type == 'code' and (tests or not c.source.startswith('#| test'))]


def digest_of(book):
    "A digest of the code that makes a notebook's outputs."
    return hashlib.sha256('\n\n'.join(c.source for c in code_cells(book)).encode()).hexdigest()[:12]


def read_digests(root):
    "Notebook → digest of the code that made its stored outputs."
    return json.loads((root/DIGESTS).read_text()) if (root/DIGESTS).exists() else {}


def keep_digest(root, name, book):
    "Note that the stored outputs of a notebook were made by the code it holds."
    digests = read_digests(root) | {name: digest_of(book)}
    (root/DIGESTS).write_text(json.dumps(digests, indent=1, sort_keys=True) + '\n')


def wrong_page(book, digest):
    "What is wrong with stored outputs: made by other code than the cells hold, or with other parameters than the defaults."
    if digest != digest_of(book): yield 'the stored outputs were made by other code than its cells hold; `make outputs`'
    showing = next((c for c in code_cells(book) if 'check_parameters(globals())' in c.source), None)
    if showing and not shows(showing, echo_of_defaults(book)): yield 'the stored outputs belong to other parameters than the defaults; `make outputs`'


def echo_of_defaults(book):
    "What the check of the parameters shows if nothing is given."
    from clinbert_nb.parameters import check_parameters
    source = next(c.source for c in book.cells if 'parameters' in c.metadata.get('tags', []))
    namespace = {}
    exec(source, namespace)
    return repr(check_parameters(namespace | dict(_ih=[source])))


def shows(cell, text):
    "Whether a cell's stored output is this text."
    return any(output.get('data', {}).get('text/plain') == text for output in cell.outputs)


NUMBER = re.compile(r'(?<![\w.])\d[\d,]*(?:\.\d+)?|(?<![\w.])\.\d+')


def numbers(text):
    "The numbers in a text as they are written, without commas between thousands and a zero in front of the point."
    written = (m[0].rstrip(',').replace(',', '') for m in NUMBER.finditer(text))
    return {re.sub(r'^0(?=\.)', '', number) for number in written}


def texts(cell):
    "What a cell has printed or shown, as text; tables without their tags."
    for output in cell.get('outputs', []):
        if output.output_type == 'stream': yield output.text
        for kind, content in output.get('data', {}).items():
            if kind.startswith('text/'): yield re.sub('<[^>]*>', ' ', content)


def prose_of_the_run(cell):
    "The paragraphs of a markdown cell that say what the stored run shows, without links and code."
    for paragraph in re.split(r'\n\s*\n', cell.source):
        if re.search(r'stored\s+run', paragraph): yield re.sub(r'\[[^\]]*\]\([^)]*\)|`[^`]*`', ' ', paragraph)


def unsupported_numbers(book):
    "Numbers that the prose says about the stored run and that stand in no output above."
    above = set()
    for cell in book.cells:
        if cell.cell_type == 'code': above |= {n for text in texts(cell) for n in numbers(text)}
        for paragraph in prose_of_the_run(cell) if cell.cell_type == 'markdown' else ():
            for number in sorted(numbers(paragraph) - above): yield f'{number} is in no output above: {paragraph.strip()[:70]!r}'


def density(book):
    "Characters a code cell, and the number of lines of code over 100 wide."
    sources = [c.source for c in code_cells(book, tests=True)]
    wide = sum(len(line) > 100 for source in sources for line in source.splitlines())
    return round(sum(map(len, sources))/max(1, len(sources))), wide


def read_density(root):
    "Notebook → its stored characters a cell and wide lines."
    if not (root/DENSITY).exists(): return {}
    rows = (line.split(',') for line in (root/DENSITY).read_text().splitlines()[1:])
    return {name: (int(characters), int(wide)) for name, characters, wide in rows}


def denser(book, most):
    "What to say about a notebook that is denser than it was."
    now = density(book)
    if most and (now[0] > most[0] or now[1] > most[1]):
        yield f'{now[0]} characters a code cell and {now[1]} lines over 100 wide, {most[0]} and {most[1]} are allowed; split cells, break lines'


def lower_density(root, paths):
    "Store what the notebooks have reached; a stored figure only falls."
    stored, rows = read_density(root), ['notebook,characters a cell,lines over 100 wide']
    for path in paths:
        now = density(nbformat.read(path, 4))
        rows.append(','.join(map(str, [path.stem, *map(min, now, stored.get(path.stem, now))])))
    (root/DENSITY).write_text('\n'.join(rows) + '\n')
