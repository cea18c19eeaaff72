"""What is written as i2b2 2010 is read the same, for texts at random."""
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from clinbert_nb.i2b2_2010 import TYPES, read_concepts, write_concepts
from clinbert_nb.ner import Document, Span


def random_text():
    "A strategy: lines of words with one or two spaces between them, perhaps some in front or behind."
    words = st.lists(st.text('abcXYZ019.,"|=:éß中&', min_size=1, max_size=4), max_size=6)
    line = st.builds(
        lambda lead, words, gap, trail: lead + gap.join(words) + trail,
        st.sampled_from(['', ' ', '   ']), words, st.sampled_from([' ', '  ']), st.sampled_from(['', ' ']))
    return st.lists(line, min_size=1, max_size=5).map('\n'.join)


def random_document(text, dice):
    "A document whose spans begin and end with a token and do not overlap."
    tokens, spans, at = [m.span() for m in re.finditer(r'[^ \n]+', text)], [], 0
    while at < len(tokens):
        covered = tokens[at:at + dice.randrange(4)]
        if covered: spans.append(Span(covered[0][0], covered[-1][1], dice.choice(TYPES)))
        at += max(1, len(covered))
    return Document('d', text, tuple(spans))


def test_what_is_written_is_read_the_same(tmp_path):
    @settings(max_examples=200, deadline=None)
    @given(random_text(), st.randoms(use_true_random=False))
    def check(text, dice):
        document = random_document(text, dice)
        assert write_concepts([document], tmp_path) == 0
        assert read_concepts(tmp_path)[0] == [document]
    check()
