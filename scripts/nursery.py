"""Processes that need not import: one process imports what nearly every notebook imports, once, and whoever asks gets a copy of it (a fork).

usage: python scripts/nursery.py SCRIPT ARGUMENTS   or   python scripts/nursery.py -m MODULE ARGUMENTS

runs a script or a module in such a copy, as `python` would, with this process' arguments, environment, folder, streams and priority. It lives as long as
the copy and ends with its exit status. Where no nursery, which `opened` starts, is ready, it becomes a plain `python`.
"""
import atexit
import ctypes
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress

VARIABLE = 'CLINBERT_NURSERY'   # the socket that a nursery listens at
MODULES = ('torch', 'transformers', 'transformers.modeling_utils', 'transformers.models.auto.modeling_auto', 'transformers.models.bert.modeling_bert',
           'transformers.models.bert.tokenization_bert', 'transformers.pipelines', 'accelerate', 'datasets', 'evaluate', 'sklearn.metrics', 'scipy.stats', 'numba',
           'pandas', 'pyarrow.parquet', 'matplotlib.pyplot', 'IPython', 'ipykernel.kernelapp', 'papermill', 'nbconvert', 'nbformat', 'jinja2', 'pygments.formatters')


# The side that asks

def asked(arguments, address):
    "Ask the nursery at `address` for a copy that runs `arguments`: the socket that leads there, its answers, the copy's process. Raises OSError if nobody is there."
    client = socket.socket(socket.AF_UNIX)
    client.connect(address)
    wish = dict(arguments=arguments, environment=dict(os.environ), folder=os.getcwd(), nice=os.nice(0))
    socket.send_fds(client, [b'+'], [0, 1, 2])
    client.sendall(json.dumps(wish).encode() + b'\n')
    answers = client.makefile()
    return client, answers, int(answers.readline() or 0)


def status_of(answers, copy):
    "Pass signals on to a copy until it ends; its exit status, 1 if the nursery ends before."
    def pass_on(number, frame):
        with suppress(ProcessLookupError): os.kill(copy, number)
    for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, pass_on)
    try: return int(answers.readline() or 1)
    except OSError: return 1


# In a copy

def end_with_parent():
    "Let this process be killed when the one that made it ends, however that ends."
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)   # PR_SET_PDEATHSIG


def take_place(wish, streams):
    "Take over streams, environment, folder and priority of the process that asked, and be nobody's twin."
    os.setsid()
    for number, stream in enumerate(streams): os.dup2(stream, number)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(wish['environment'])
    os.chdir(wish['folder'])
    os.nice(max(0, wish['nice'] - os.nice(0)))
    random.seed()
    if numpy := sys.modules.get('numpy'): numpy.random.seed()


def run(arguments):
    "Do what `python ARGUMENTS` does; the exit status."
    is_module = arguments[0] == '-m'
    sys.argv = arguments[is_module:]
    name = sys.argv[0]
    if name == 'ipykernel_launcher' and (pandas := sys.modules.get('pandas')):
        pandas.set_option('display.max_columns', 20)   # which pandas chooses when it is imported, and otherwise in a terminal
    sys.path[0] = os.getcwd() if is_module else os.path.dirname(os.path.abspath(name))
    sys.path[1:1] = [p for p in os.environ.get('PYTHONPATH', '').split(os.pathsep) if p and p not in sys.path]
    try:
        if is_module: runpy.run_module(name, run_name='__main__', alter_sys=True)
        else: runpy.run_path(name, run_name='__main__')
    except SystemExit as e:
        if isinstance(e.code, str): print(e.code, file=sys.stderr)
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def end(status):
    "End as Python does, except that a million objects are not taken to pieces."
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr): stream.flush()
    os._exit(status)


# The nursery

def prepare(modules):
    "Import what copies will need. A module that is not installed is left to those who need it."
    gc.disable()   # which would look through a million new objects again and again
    os.environ.setdefault('MPLBACKEND', 'module://matplotlib_inline.backend_inline')   # which a kernel asks for, and which is read once
    for name in modules:
        with suppress(ImportError): importlib.import_module(name)
    gc.freeze()
    gc.enable()


def make_copy(client, listener, at_work):
    "Fork for the process at the other end of a socket. In the copy this does not return."
    try:
        streams = socket.recv_fds(client, 1, 3)[1]
        wish = json.loads(client.makefile().readline())
    except (OSError, ValueError): return client.close()   # it has gone before it said what it wants
    copy = os.fork()
    if not copy:
        end_with_parent()
        for connection in (listener, client, *at_work.values()): connection.close()
        take_place(wish, streams)
        end(run(wish['arguments']))
    for stream in streams: os.close(stream)
    at_work[copy] = client
    with suppress(OSError): client.sendall(b'%d\n' % copy)


def tell_those_who_wait(at_work):
    "Send the exit status of each copy that has ended to the process that asked for it."
    for copy in list(at_work):
        ended, status = os.waitpid(copy, os.WNOHANG)
        if not ended: continue
        code = os.waitstatus_to_exitcode(status)
        with at_work.pop(copy) as client, suppress(OSError): client.sendall(b'%d\n' % (code if code >= 0 else 128 - code))


def serve(address, *modules):
    "Import, then make a copy for everyone who asks, as long as the process lives that opened the nursery. Who asks too early finds nobody."
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # those who ask pass it on to their copies
    prepare(modules)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f'{address}.bound')
    listener.listen(64)
    os.rename(f'{address}.bound', address)
    at_work = {}   # process of a copy → socket of the one who asked
    while True:
        heard, *_ = select.select([listener, *at_work.values()], [], [], .05)
        for copy, client in at_work.items():   # who asks says no more, so this one has gone
            if client in heard: os.kill(copy, signal.SIGKILL)
        if listener in heard: make_copy(listener.accept()[0], listener, at_work)
        tell_those_who_wait(at_work)


class opened:
    "A context in which a nursery is open: what it yields are the variables that lead there a process and the kernels that it starts."

    def __init__(self, folder, modules=MODULES, wait=False):
        "Its files go to `folder`; with `wait` it is ready when the context is entered."
        self.folder, self.modules, self.wait = os.path.abspath(folder), modules, wait

    def __enter__(self):
        address, kernel = f'{self.folder}/nursery', f'{self.folder}/kernels/python3'
        os.makedirs(kernel, exist_ok=True)
        command = [sys.executable, os.path.abspath(__file__), '-m', 'ipykernel_launcher', '-f', '{connection_file}']
        with open(f'{kernel}/kernel.json', 'w') as out: json.dump(dict(argv=command, display_name='Python 3', language='python'), out)
        environment = os.environ | dict(OMP_NUM_THREADS='1')   # one thread, or a copy would lack the others
        self.process = subprocess.Popen([sys.executable, __file__, '--serve', address, *self.modules], stdin=subprocess.DEVNULL, env=environment)
        while self.wait and not os.path.exists(address) and self.process.poll() is None: time.sleep(.05)
        return {VARIABLE: address, 'JUPYTER_PATH': os.pathsep.join(filter(None, [self.folder, os.environ.get('JUPYTER_PATH')]))}

    def __exit__(self, *error):
        self.process.kill()   # and with it all copies
        self.process.wait()


def main(arguments):
    if arguments[0] == '--serve': serve(*arguments[1:])
    if address := os.environ.get(VARIABLE):
        with suppress(OSError):
            client, answers, copy = asked(arguments, address)
            if copy: sys.exit(status_of(answers, copy))
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == '__main__': main(sys.argv[1:])
