"""What `clinbert_nb.cleaning` does with parts and thresholds that it cannot use, and with odd markers."""
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clinbert_nb.cleaning import HASHES, caught, minhash_config, near_duplicates
from clinbert_nb.core import CourseError


@pytest.mark.parametrize('threshold', [0, .2, 1.1])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(CourseError, match='expected 0.3 to 1'): minhash_config(threshold)


@pytest.mark.parametrize('threshold', [.3, .4, .5, .6, .7, .8, .9, 1.])
def test_buckets_fit_the_threshold(threshold):
    config = minhash_config(threshold)
    assert config.num_buckets * config.hashes_per_bucket == HASHES
    assert caught(threshold, config.hashes_per_bucket) >= .9


def test_buckets_of_the_default():
    assert (minhash_config(.8).num_buckets, minhash_config(.8).hashes_per_bucket) == (14, 8)


def test_a_part_without_text_is_named(tmp_path):
    pq.write_table(pa.table({'NOTE': ['x']}), tmp_path/'bad.parquet')
    with pytest.raises(CourseError, match='bad.parquet has no column TEXT'):
        near_duplicates([tmp_path/'bad.parquet'], tmp_path)


def test_a_part_that_is_missing_is_named(tmp_path):
    with pytest.raises(CourseError, match='none.parquet does not exist'):
        near_duplicates([tmp_path/'none.parquet'], tmp_path)


def test_an_empty_part_has_no_copies(tmp_path):
    pq.write_table(pa.table({'TEXT': pa.array([], pa.string())}), tmp_path/'empty.parquet')
    assert near_duplicates([tmp_path/'empty.parquet'], tmp_path, workers=1) == {}
