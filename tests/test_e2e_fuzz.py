"""A short run of scripts/fuzz.py: every reader takes damaged files, and the script notices readers that do not."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'scripts'))
import fuzz


@pytest.mark.parametrize('name', fuzz.READERS)
def test_damaged_files_are_read_or_refused_in_one_sentence(name, tmp_path):
    counts, examples = fuzz.faults(name, 200, 1, tmp_path)
    assert counts['read'] + counts['refused'] == 200 and not examples, list(examples)


def refuses(message):
    "A reader that refuses what is not as it was."
    def read(folder):
        if (folder/'a.txt').read_text() != fuzz.MARKER: raise fuzz.CourseError(message)
    return read

def escapes(folder):
    if (folder/'a.txt').read_text() != fuzz.MARKER: raise KeyError('a')

def outside(folder):
    text = (folder/'a.txt').read_text()
    return [fuzz.Document('a', text, (fuzz.Span(0, len(fuzz.MARKER), 'x'),))]

@pytest.mark.parametrize('fault, read', [
    ('escapes', escapes), ('outside', fuzz.spans_of(outside)), ('quotes', refuses(f'a.txt: not {fuzz.MARKER}')), ('long', refuses('a'*500)),
])
def test_the_script_notices_readers_with_faults(fault, read, tmp_path, monkeypatch):
    monkeypatch.setitem(fuzz.READERS, 'bad', (lambda folder: (folder/'a.txt').write_text(fuzz.MARKER), read))
    monkeypatch.setattr(fuzz, 'damaged', lambda data, name, dice: data[:3])
    counts, examples = fuzz.faults('bad', 5, 0, tmp_path)
    assert counts[fault] == 5 and len(examples) == 1
    assert fuzz.main(['bad', '--mutations', '2']) == 1
