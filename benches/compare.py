"""Runs every program in turn against the sink, and prints how they compare: compare.py DIRECTORY, where benches/run
has built them."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

BUILD = Path(sys.argv[1])
RUNS = int(os.environ.get("BENCH_RUNS", "11"))
MIB = int(os.environ.get("BENCH_MIB", "100"))
KEY = "a-key-that-is-none"
CERTIFICATE = BUILD / "certificate.pem"
PYTHON = BUILD / "venv/bin/python"

LARGE = MIB << 20
SIZES = [LARGE // 100, LARGE // 10, LARGE]
SMALL, COUNT = 10 << 10, 1000


class Sink:
    """The server, and what it saw."""

    def __init__(self):
        command = [BUILD / "sink", CERTIFICATE, BUILD / "key.pem"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hosts = json.loads(self.process.stdout.readline())

    def seen(self, then="count"):
        """What arrived since the last time; `then`: whether what comes is only counted, or hashed as well."""
        self.process.stdin.write(then + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def curl(hosts, files):
    """The same two requests with one curl; curl cannot read the reply, so it is given the URL."""
    (file,) = files
    api, storage = hosts
    declared = {"filename": file.name, "content_type": "text/plain", "size_bytes": file.stat().st_size}
    common = ["--silent", "--show-error", "--fail", "--cacert", CERTIFICATE]
    post = ["-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {KEY}", "-d", json.dumps(declared)]
    put = ["-H", "Content-Type: text/plain", "-T", file]
    return ["curl", "-q", *common, *post, f"{api}/v3/attachments",
            "--next", *common, *put, f"{storage}/uploads/{file.name}"]


def floor(how):
    """Takes no place."""
    return lambda hosts, files: [BUILD / "floor", how, hosts[1], *files]


PROGRAMS = {
    "liblinq": lambda _, files: [BUILD / "upload-linq", *files],
    "curl": curl,
    "libcurl": lambda _, files: [BUILD / "upload-libcurl", *files],
    "Go net/http": lambda _, files: [BUILD / "upload-go", *files],
    "requests": lambda _, files: [PYTHON, "benches/upload.py", *files],
    "floor": floor("blocking"),
    "listening floor": floor("listening"),
}
FLOORS = ["floor", "listening floor"]

# Of the small files, curl would be a thousand commands, and requests takes longer than everything else together. The
# floors are what the bytes of a large one cost.
LARGE_ONLY = ["curl", "requests", *FLOORS]


def measure(sink, name, scheme, files, hashes=None):
    """One run of one program, which counts only if all that it should send arrived, and nothing else. With `hashes`,
    what the sink hashed is compared as well."""
    hosts = sink.hosts[scheme]
    environment = {
        "PATH": os.environ["PATH"],
        "LINQ_API_V3_BASE_URL": hosts[0],
        "LINQ_API_V3_API_KEY": KEY,
        # The one certificate that each of them trusts; nobody reads the system's hundred.
        "SSL_CERT_FILE": str(CERTIFICATE),
        "SSL_CERT_DIR": str(BUILD / "none"),
    }
    command = [BUILD / "measure", *PROGRAMS[name](hosts, files)]
    out = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    wall, cpu, peak, status = out.split()
    seen = sink.seen("hash" if hashes else "count")
    expected = [[file.name, file.stat().st_size, hashes[file] if hashes else ""] for file in files]
    reserved = 0 if name in FLOORS else len(files)
    if status != "0" or seen["puts"] != expected or seen["reserved"] != reserved:
        seen["puts"] = seen["puts"][:3]
        sys.exit(f"\n{name}, {scheme}: did not deliver {expected[:3]}...; status {status}, the sink saw {seen}")
    return SimpleNamespace(wall=float(wall) * 1000, cpu=float(cpu) * 1000, peak=int(peak) / 1024,
                           connections=seen["connections"], tls=seen["tls"], sink=seen["cpu"] * 1000)


def write_files(folder):
    """Lines of text, different in every file."""
    def write(name, size):
        seed = hashlib.sha256(name.encode()).hexdigest()
        line = f"{seed} is what {name} says, again and again\n"
        (folder / name).write_text((line * (size // len(line) + 1))[:size])
        return folder / name

    return ({size: write(f"file-{size}.txt", size) for size in SIZES},
            [write(f"small-{i:04}.txt", SMALL) for i in range(COUNT)])


def measure_all(folder):
    """{(what, scheme): {program: [run, ...]}}"""
    by_size, small = write_files(folder)
    scenes = {(SIZES[0], "tls"): [by_size[SIZES[0]]], (SIZES[1], "tls"): [by_size[SIZES[1]]],
              (LARGE, "tls"): [by_size[LARGE]], (LARGE, "plain"): [by_size[LARGE]],
              ("small", "tls"): small, ("small", "plain"): small}
    hashes = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in [*by_size.values(), *small]}
    results = {scene: {name: [] for name in PROGRAMS} for scene in scenes}
    sink = Sink()
    # The first round warms up, proves by hash that each program delivers, and is not counted.
    sink.seen("hash")
    for round in range(RUNS + 1):
        print(f"\rround {round} of {RUNS}", end="", file=sys.stderr, flush=True)
        if round == 1:
            sink.seen("count")
        # The program that runs first after a change of scene shall not always be the same.
        names = list(PROGRAMS)[round % len(PROGRAMS):] + list(PROGRAMS)[:round % len(PROGRAMS)]
        for (what, scheme), files in scenes.items():
            for name in names:
                if name in LARGE_ONLY and what == "small" or name in FLOORS and what != LARGE:
                    continue
                run = measure(sink, name, scheme, files, hashes if round == 0 else None)
                if round > 0:
                    results[what, scheme][name].append(run)
    print("\r", end="", file=sys.stderr)
    sink.process.stdin.close()
    sink.process.wait()
    return results


def size(count):
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def rows(results):
    """(figure, {program: [value of each round]}, how to show it, {the peer that the target names: at most so much of
    it}); without a peer the target is for liblinq's own value."""
    def values(what, scheme, field):
        return {name: [getattr(run, field) for run in runs] for name, runs in results[what, scheme].items() if runs}

    def both(scheme):
        sinks = values(LARGE, scheme, "sink")
        return {name: [*map(sum, zip(of, sinks[name]))] for name, of in values(LARGE, scheme, "cpu").items()}

    def peaks(amount):
        return {name: of for name, of in values(amount, "tls", "peak").items() if name not in FLOORS}

    milliseconds, mebibytes, number = "{:.0f} ms".format, "{:.1f} MiB".format, "{:.0f}".format
    large, small = size(LARGE), f"{COUNT} small files"
    yield f"CPU, {large}, TLS", values(LARGE, "tls", "cpu"), milliseconds, {"floor": 1.15, "listening floor": 1.15, "curl": 0.75}
    yield f"CPU, {large}, plain", values(LARGE, "plain", "cpu"), milliseconds, {"floor": 1.15, "listening floor": 1.15}
    yield f"CPU with the server's, {large}, TLS", both("tls"), milliseconds, {"floor": 1.15}
    yield f"CPU with the server's, {large}, plain", both("plain"), milliseconds, {"floor": 1.15}
    yield f"wall, {large}, TLS", values(LARGE, "tls", "wall"), milliseconds, {"curl": 1, "Go net/http": 1}
    yield f"wall, {large}, plain", values(LARGE, "plain", "wall"), milliseconds, {}
    for amount in SIZES:
        yield f"peak memory, {size(amount)}, TLS", peaks(amount), mebibytes, {None: 6}
    least = peaks(SIZES[0])
    growth = {name: [peak / before for peak, before in zip(most, least[name])] for name, most in peaks(LARGE).items()}
    yield f"its growth from {size(SIZES[0])} to {large}", growth, "{:.2f}".format, {None: 1.1}
    for scheme, shown in ("tls", "TLS"), ("plain", "plain"):
        yield f"wall, {small}, {shown}", values("small", scheme, "wall"), milliseconds, {"Go net/http": 0.70} if scheme == "tls" else {}
        yield f"CPU, {small}, {shown}", values("small", scheme, "cpu"), milliseconds, {"Go net/http": 0.45} if scheme == "tls" else {}
        yield f"connections, {small}, {shown}", values("small", scheme, "connections"), number, {None: 2}


def table(results):
    lines = [["figure", *PROGRAMS, "target", ""]]
    for label, values, show, targets in rows(results):
        # Round by round: what else the machine does changes with time, and is about the same for neighbours.
        ratios = {name: median(own / other for own, other in zip(values["liblinq"], values[name])) for name in values}
        shown = {name: f"{show(median(values[name]))} ({ratios[name]:.2f})" for name in values}
        shown["liblinq"] = show(median(values["liblinq"]))
        wanted, verdicts = [], []
        for peer, limit in targets.items():
            reached = ratios[peer] if peer else median(values["liblinq"])
            wanted.append(f"{limit:.2f} of {peer}" if peer else show(limit))
            verdicts.append("met" if reached <= limit else "MISSED")
        lines.append([label, *(shown.get(name, "") for name in PROGRAMS), ", ".join(wanted), ", ".join(verdicts)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def print_surroundings(results, load):
    tls = {run.tls for (_, scheme), of in results.items() if scheme == "tls"
           for name, runs in of.items() if name not in FLOORS for run in runs}
    if len(tls) != 1:
        sys.exit(f"not all of them speak the same TLS: {tls}")
    model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    print(f"{time.strftime('%Y-%m-%d')}, {model[1] if model else platform.machine()}, {os.cpu_count()} cores, "
          f"{platform.system()} {platform.release()}, load {load[0]:.1f} before and {os.getloadavg()[0]:.1f} after")
    version = re.search(r'LINQ_VERSION_STRING "(.*)"', Path("include/linq.h").read_text())
    versions = [f"liblinq {version[1]}",
                *re.match(r"(curl \S+) \S+ (libcurl/\S+ \S+)", output("curl", "--version")).groups(),
                output("go", "version").removeprefix("go version ").replace("go", "Go ", 1),
                output(PYTHON, "-c", "import platform; print('Python', platform.python_version())"),
                output(PYTHON, "-c", "import requests; print('requests', requests.__version__)"),
                "the sink's " + re.match(r"OpenSSL \S+", output("openssl", "version"))[0]]
    print(", ".join(versions))
    print(f"negotiated by all: {tls.pop()}")


def main():
    start, load = time.monotonic(), os.getloadavg()
    (BUILD / "none").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=BUILD))
    try:
        results = measure_all(folder)
    finally:
        shutil.rmtree(folder)
    print_surroundings(results, load)
    print(f"medians of {RUNS} runs in turn; in brackets: liblinq / this program, the median over the rounds\n")
    table(results)
    shares = {scheme: median(run.sink / run.wall for run in results[LARGE, scheme]["liblinq"]) for scheme in ("tls", "plain")}
    print(f"\nThe sink worked for {shares['tls']:.0%} (TLS) and {shares['plain']:.0%} (plain) of liblinq's wall, {size(LARGE)}.")
    print(f"Measured in {time.monotonic() - start:.0f} s.")



main()
