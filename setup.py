"""Everything setuptools needs to know stands in settings.ini; this file only reads it."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

parser = ConfigParser(delimiters=['='], interpolation=None)
parser.read(Path(__file__).with_name('settings.ini'), encoding='utf-8')
cfg = parser['DEFAULT']
lines = lambda key: cfg[key].strip().splitlines()

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'].split(),
    author=cfg['author'], license=cfg['license'], python_requires=f">={cfg['min_python']}", packages=[cfg['lib_name']],
    package_data={cfg['lib_name']: ['words/*']},
    long_description=Path(__file__).with_name('README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    install_requires=lines('requirements'), extras_require={'dev': lines('dev_requirements')},
    entry_points={'console_scripts': lines('console_scripts'), 'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
)
