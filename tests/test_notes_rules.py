"""Work that is interrupted, shared or done again; which folder a corpus has; what may be shown; the pictures."""
import csv
import errno
import shutil

import matplotlib.pyplot as plt
import pyarrow.parquet as pq
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.files import describe_corpus, is_shareable, read_json
from clinbert_nb.notes import (
    category_shares, ensure_sentences, few, note_files, plot_lengths, plot_note_lengths, plot_shares, prepare_notes,
    prepare_shard, read_sentences, sentences_folder, shown_categories)

HEADER = ['ROW_ID', 'SUBJECT_ID', 'CATEGORY', 'TEXT']
INVENTED = [
    ('1', '7', 'Physician ', 'Plan:\nrest, "fluids"\n'),
    ('2', '8', 'ECG', 'Sinus rhythm.'),
    ('3', '8', 'ECG', ''),
]


def write_csv(path, rows, header=HEADER):
    with open(path, 'w', encoding='utf-8', newline='') as stream: csv.writer(stream).writerows([header, *rows])
    return path


def hundred_notes(path):
    return write_csv(path, [[i, i, 'ECG', f'Note {i}. Sinus rhythm.'] for i in range(100)])


def bytes_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


# ---- the work

def test_what_is_left_at_the_end(tmp_path):
    source = write_csv(tmp_path/'n.csv', [*INVENTED, ['9', '9', 'ECG', 'Sinus rhythm.'], ['10', '9', 'Physician', 'One. Two.']])
    report = prepare_notes(source, tmp_path/'out', workers=1)
    left = sorted(p.name for p in (tmp_path/'out').iterdir())
    assert left == ['corpus.json', 'quarantine.csv', 'report.json', 'shard-00000.parquet']
    assert (report['notes'], report['sentences'], report['words']) == (4, 5, 9)
    assert report['missing_columns'] == ['ISERROR']


def test_a_row_of_the_table_of_sentences(tmp_path):
    prepare_notes(write_csv(tmp_path/'n.csv', INVENTED), tmp_path/'out', workers=1)
    first = pq.read_table(tmp_path/'out/shard-00000.parquet').to_pylist()[0]
    assert first == dict(note_id='1', subject_id='7', category='Physician ', section='Plan', index=0,
                         text='Plan: rest, "fluids"')


def test_interrupted_work_is_continued(tmp_path, monkeypatch):
    source = hundred_notes(tmp_path/'n.csv')
    prepare_notes(source, tmp_path/'whole', name='x', workers=1, part_size=300)
    done = []

    def three_shards(_, calls, *__):
        for call in calls:
            if len(done) == 3: raise KeyboardInterrupt
            prepare_shard(*call)
            done.append(call)

    with monkeypatch.context() as patch:
        patch.setattr('clinbert_nb.notes.side_by_side', three_shards)
        with pytest.raises(KeyboardInterrupt): prepare_notes(source, tmp_path/'out', name='x', part_size=300)
    left = tmp_path/'.out.unfinished'
    times = {p.name: p.stat().st_mtime_ns for p in left.glob('shard-*.parquet')}
    assert len(times) == 3 and not (tmp_path/'out').exists()
    (left/'.shard-00003.parquet.partial').write_bytes(b'half')
    prepare_notes(source, tmp_path/'out', name='x', workers=1, part_size=300)
    assert {name: (tmp_path/'out'/name).stat().st_mtime_ns for name in times} == times
    assert bytes_of(tmp_path/'out') == bytes_of(tmp_path/'whole')
    assert not left.exists()


def test_a_full_disk_is_reported_and_other_choices_begin_anew(tmp_path, monkeypatch):
    source = write_csv(tmp_path/'n.csv', INVENTED)

    def full(_, calls, *__):
        next(iter(calls))
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr('clinbert_nb.notes.side_by_side', full)
        with pytest.raises(CourseError, match='The disk of .* is full; what was finished is kept'):
            prepare_notes(source, tmp_path/'out')
    assert (tmp_path/'.out.unfinished/begun.json').exists()
    assert not (tmp_path/'out').exists()
    assert prepare_notes(source, tmp_path/'out', workers=1, categories=['ECG'])['notes'] == 1


def test_markers_and_near_duplicates(tmp_path):
    text = ('The patient was seen by Dr. [**Last Name (STitle) 12**] today and has a cough, no fever, '
            'and a history of gout; he sleeps well. ')
    rows = [['1', '7', 'ECG', text*3], ['2', '7', 'ECG', text*3 + 'Alert.'], ['3', '8', 'ECG', 'Sinus rhythm.']]
    source = write_csv(tmp_path/'n.csv', rows)
    report = prepare_notes(source, tmp_path/'out', workers=1, similarity=.8, replace_markers=True)
    notes = list(read_sentences(tmp_path/'out'))
    assert report['notes'] == 2
    assert report['skipped'] == {'nearly repeats an earlier text': 1}
    assert sum(report['markers_replaced'].values()) == 3
    assert [note.note_id for note in notes] == ['1', '3']
    assert '[**' not in ''.join(sentence for note in notes for sentence in note.sentences)


# ---- the folder of a corpus

def ensured(*arguments, **options): return ensure_sentences(*arguments, workers=1, **options)


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    return write_csv(tmp_path/'n.csv', INVENTED)


def test_the_same_options_find_the_same_folder(source):
    folder = ensured(source, 'x')
    made = (folder/'report.json').stat().st_mtime_ns
    assert ensured(source, 'x', categories=[], columns={}) == folder
    assert (folder/'report.json').stat().st_mtime_ns == made
    assert read_json(folder/'corpus.json')['name'] == 'x'


def test_other_options_and_another_file_give_another_folder(source):
    folder = ensured(source, 'x')
    other = ensured(source, 'x', categories=['ECG'])
    assert other != folder and len(list(read_sentences(other))) == 1
    write_csv(source, INVENTED[:1])
    assert ensured(source, 'x') != folder


def test_a_corpus_may_be_shown_if_its_source_may_or_if_it_is_said(source):
    assert not is_shareable(ensured(source, 'x'))
    assert is_shareable(ensured(source, 'x', shareable=True))
    describe_corpus(source.parent, 'invented', shareable=True)
    assert is_shareable(ensured(source, 'x'))
    assert not is_shareable(ensured(source, 'x', shareable=False))


@pytest.fixture
def two_files(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    header = ['note_id', 'subject_id', 'note_type', 'text']
    (tmp_path/'iv').mkdir()
    write_csv(tmp_path/'iv/discharge.csv', [['10-DS-1', '10', 'DS', 'He left.']], header)
    write_csv(tmp_path/'iv/radiology.csv', [['10-RR-1', '10', 'RR', 'EXAMINATION: ___']], header)
    return tmp_path/'iv'


def test_each_of_two_files_counts_for_the_folder(two_files):
    files, first = note_files(two_files), sentences_folder(two_files, 'x')
    assert sentences_folder(files, 'x') == first != sentences_folder(files[:1], 'x')
    for file in files:
        with file.open('a') as f: f.write('\n')
        now = sentences_folder(two_files, 'x')
        assert now != first
        first = now


def test_each_of_two_files_counts_for_whether_they_may_be_shown(two_files, tmp_path):
    files = note_files(two_files)
    describe_corpus(two_files, 'invented', shareable=True)
    (tmp_path/'other').mkdir()
    hidden = shutil.copy(files[1], tmp_path/'other')
    assert is_shareable(ensured(two_files, 'x'))
    assert not is_shareable(ensured([files[0], hidden], 'x'))


# ---- categories and pictures

def test_categories_that_are_not_mimics_are_outlined():
    counts = {'Physician ': 2, 'Ward Smith': 1, 'Ward Jones': 1}
    assert shown_categories(counts, True) == counts
    assert shown_categories(counts, False) == {'Physician ': 2, 'xxxx xxxxx': 2}


def test_shares_add_up_whatever_the_spaces():
    shares = category_shares({'Physician ': 1, 'Physician': 1, 'ECG': 2, 'Surgery': 4})
    assert shares.loc['Physician', 'notes'] == 2
    assert shares.loc['Surgery', 'share'] == 50
    assert shares.share.sum() == 100
    assert len(shares) == 16
    assert shares.index[0] == 'Nursing/other'
    assert round(shares.mimic_share.iloc[0], 2) == 39.48
    assert few(shares) == 1


@pytest.mark.parametrize('counts, bars', [({'Surgery': 4, 'Urology': 1}, 2), ({'ECG': 2}, 30)])
def test_shares_are_drawn(counts, bars):
    figure = plot_shares(category_shares(counts), 'x')
    assert len(figure.axes[0].patches) == bars
    plt.close(figure)


@pytest.mark.parametrize('plot, counts, title, heights', [
    (plot_lengths, {'1': 3, '5': 1, '200': 0}, 'A sentence has 2.0 words on average', [75, 25, 0]),
    (plot_note_lengths, {'10': 1, '20': 2, '33': 1}, 'Half of the notes have fewer than about 126 characters', [25, 50, 25]),
])
def test_lengths_are_drawn(plot, counts, title, heights):
    figure = plot(counts)
    assert figure.axes[0].get_title() == title
    assert [bar.get_height() for bar in figure.axes[0].patches] == heights
    plt.close(figure)
