"""Executed notebooks as HTML pages, and an overview of what a profile has made so far. All can be read offline."""
import json
import os
import re
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from filelock import FileLock
from jinja2 import Environment, FileSystemLoader
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).resolve().parent.parent


def without_stderr(book):
    "Drop progress bars and warnings from the outputs of a notebook."
    for cell in book.cells:
        if cell.cell_type == 'code': cell.outputs = [o for o in cell.outputs if not (o.output_type == 'stream' and o.name == 'stderr')]
    return book


def clock(seconds): return f'{int(seconds)//60}:{int(seconds)%60:02d}'


def metric(value): return '' if not isinstance(value, (int, float)) else f'{value:,.0f}' if value == int(value) else f'{value:.4g}'


def template():
    env = Environment(loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, autoescape=lambda name: True)
    env.filters |= dict(metric=metric, clock=clock)
    return env.get_template('page.html.j2')


def heading(book):
    "Title and promise of a notebook: the first lines that start with `# ` and `> `."
    lines = [line for c in book.cells if c.cell_type == 'markdown' for line in c.source.splitlines()]
    first = lambda mark: next((line[len(mark):].strip() for line in lines if line.startswith(mark)), '')
    return first('# '), re.sub(r'[`*_]', '', first('> '))


def source_of(spec): return (ROOT/'nbs'/f"{spec['notebook']}.ipynb").resolve()


def body(book, source, page_of, pages):
    "An executed notebook as HTML: no prompts, no directives, no progress bars; links to other notebooks lead to their pages."
    book = without_stderr(book)
    for cell in book.cells:
        if cell.cell_type == 'code': cell.source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M)
    book.cells = [c for c in book.cells if c.source.strip()]
    exporter = HTMLExporter(template_name='basic', exclude_input_prompt=True, exclude_output_prompt=True, exclude_anchor_links=True)
    exporter.register_filter('clean_html', lambda html: html)  # made to disarm strangers' notebooks, at half of the whole time; these are our own
    link = lambda target: page_of.get(Path(target.split('#')[0]).name) or os.path.relpath(source.parent/target, pages)
    return re.sub(r'href="([^"#][^"]*)"', lambda m: f'href="{m[1] if urlsplit(m[1]).scheme else link(m[1])}"', exporter.from_notebook_node(book)[0])


def write_page(folder, steps, step):
    "The page of a step that was run, in `folder`/pages; what the overview says about it."
    names, pages = list(steps), folder/'pages'
    pages.mkdir(parents=True, exist_ok=True)
    book = nbformat.read(folder/step/'executed.ipynb', 4)
    page_of = {f"{Path(spec['notebook']).name}.ipynb": f'{name}.html' for name, spec in reversed(steps.items())}
    seconds, (title, promise) = book.metadata.get('papermill', {}).get('duration') or 0, heading(book)
    i, html = names.index(step), body(book, source_of(steps[step]), page_of, pages)
    around = dict(before=names[i-1] if i else None, after=names[i+1] if i+1 < len(names) else None)
    page = template().render(title=title or step, highlight=HtmlFormatter(style='default').get_style_defs('.highlight'),
                             step=step, time=clock(seconds) if seconds else '', body=html, **around)
    (pages/f'{step}.html').write_text(page, encoding='utf-8')
    return dict(title=title or step, promise=promise, seconds=seconds)


def groups(folder):
    "The runs of a notebook with their metrics, together those that measured the same things."
    found = defaultdict(dict)
    for path in sorted(folder.glob('[!.]*/metrics.json')):
        metrics = json.loads(path.read_text(encoding='utf-8'))
        if metrics: found[tuple(metrics)][path.parent.name] = metrics
    return [dict(names=names, runs=runs) for names, runs in found.items()]


def rows_of(folder, steps):
    "What the overview says about each step: its record, its runs, or that it has not been run."
    seen = set()
    for name, spec in steps.items():
        record = folder/name/'step.json'
        if not record.exists() or not (folder/name/'executed.ipynb').exists():
            yield dict(step=name, title=name, needs=spec['needs'], done=False)
            continue
        notebook = Path(spec['notebook']).name
        own = [] if notebook in seen else groups(folder/notebook)  # a notebook that runs twice keeps its runs in one folder
        seen.add(notebook)
        yield json.loads(record.read_text(encoding='utf-8')) | dict(step=name, needs=spec['needs'], groups=own, done=True)


def write_overview(folder, steps):
    "`folder`/index.html: the steps, what they promise, how long they took, their metrics; and what has not been run."
    folder.mkdir(parents=True, exist_ok=True)
    settings = dict(line.split(' = ', 1) for line in (ROOT/'settings.ini').read_text().splitlines() if ' = ' in line)
    with FileLock(folder/'.overview.lock'):
        rows = list(rows_of(folder, steps))
        page = template().render(title=settings['lib_name'], description=settings['description'], highlight='', profile=folder.name, steps=rows,
                                 total=sum(row.get('seconds', 0) for row in rows), made=circumstances_of(folder))
        (folder/'.index.html').write_text(page, encoding='utf-8')
        (folder/'.index.html').replace(folder/'index.html')


def circumstances_of(folder):
    "One line about code, versions and device, from the newest manifest of a profile."
    manifests = sorted(folder.glob('*/[!.]*/manifest.json'), key=lambda p: p.stat().st_mtime)
    if not manifests: return ''
    m = json.loads(manifests[-1].read_text(encoding='utf-8'))
    versions = [f'{k} {v}' for k, v in m['versions'].items() if v]
    commit = [f"commit {m['commit'][:10]}{' with uncommitted changes' if m['uncommitted_changes'] else ''}"] if m['commit'] else []
    return ' · '.join([*commit, f"Python {m['python']}", *versions, f"{m['device']}, {m['threads']} threads"])
