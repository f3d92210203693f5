"""Runs every program over an emulated link, and prints how they compare: link.py DIRECTORY NEAR FAR [check], with what
benches/build has built and two network namespaces. benches/run-link starts it."""

import hashlib
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path
from statistics import median

BUILD, NEAR, FAR = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
CHECK = sys.argv[4:] == ["check"]
ADDRESS = {NEAR: "10.77.0.1", FAR: "10.77.0.2"}
KEY = "a-key-that-is-none"
KB, MB = 1000, 1000 * 1000

# A packet of 1,500 bytes carries 1,448 of TCP's, and a record of TLS 16,384 bytes in 16,406.
PACKET, SEGMENT, RECORD, SEALED = 1500, 1448, 16384, 16406


class Link(namedtuple("Link", "round_trip rate loss")):
    """Milliseconds, Mbit/s, per cent."""

    def __str__(self):
        return f"{self.round_trip} ms, {self.rate} Mbit/s" + (f", {self.loss} % loss" if self.loss else "")

    def queue(self):
        """What a router in front of it holds: 200 ms."""
        return max(64 * KB, self.rate * MB // 8 // 5)

    def floor(self, count, size, trips):
        """Seconds: the packets with their headers at the link's rate, and the round trips that cannot be avoided."""
        content = count * (size + math.ceil(size / RECORD) * (SEALED - RECORD))
        packets = content + math.ceil(content / SEGMENT) * (PACKET - SEGMENT)
        return packets * 8 / (self.rate * MB) + trips * self.round_trip / 1000


def curl(files):
    """curl cannot read the reply, so it is given the URL."""
    (file,) = files
    api, storage = hosts
    declared = json.dumps({"filename": file.name, "content_type": "text/plain", "size_bytes": file.stat().st_size})
    common = ["--silent", "--show-error", "--fail", "--cacert", BUILD / "certificate.pem"]
    post = ["-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {KEY}", "-d", declared]
    return ["curl", "-q", *common, *post, f"{api}/v3/attachments",
            "--next", *common, "-H", "Content-Type: text/plain", "-T", file, f"{storage}/uploads/{file.name}"]


def program(name, *options):
    return lambda files: [BUILD / name, *options, *files]


# How many files of which size, how many round trips at least, who uploads them, and whether the program says what took
# how long. New connections take two round trips, a request one.
Scene = namedtuple("Scene", "name count size trips programs says", defaults=[False])


def cold(name, size):
    return Scene(f"{name}, cold", 1, size, 6,
                 {"liblinq": program("upload-linq"), "Go": program("upload-go"), "curl": curl})


COLD = {name: cold(name, size) for name, size in (("100 KB", 100 * KB), ("1 MB", MB), ("10 MB", 10 * MB))}
TWENTY = Scene("20 of 1 MB", 20, MB, 4, {"liblinq": program("upload-queue", "4"), "Go, 4 at a time": program("upload-go", "-j", "4"),
                                         "Go": program("upload-go")})
HUNDRED = Scene("100 of 30 KB, 8 at a time", 100, 30 * KB, 6,
                {"liblinq": program("upload-queue", "8"), "Go": program("upload-go", "-j", "8")})
# The storage's connection is gone after 5 s, and is made while the API is asked.
AGAIN = Scene("100 KB, 10 s after the first", 2, 100 * KB, 3,
              {"liblinq": program("upload-again"), "Go": program("upload-go", "-again")}, says=True)
CONNECTED = Scene("100 KB, after linq_client_connect", 1, 100 * KB, 4,
                  {"liblinq": program("upload-again"), "Go": program("upload-go")}, says=True)
SCENES = [*COLD.values(), TWENTY, HUNDRED, AGAIN, CONNECTED]

# The scene, the link, how many rounds, and the target: at most so much of whom.
PHONE = Link(100, 10, 0)
SELECTION = [
    (TWENTY, PHONE, 2, [(1.05, "floor"), (1, "Go, 4 at a time")]),
    (HUNDRED, PHONE, 3, [(1.5, "floor")]),
    (COLD["100 KB"], PHONE, 5, []),
    (COLD["1 MB"], PHONE, 5, []),
    (AGAIN, PHONE, 3, [(0.85, "Go")]),
    (CONNECTED, PHONE, 5, [(0.82, "Go")]),
    (COLD["1 MB"], Link(60, 50, 1), 15, [(1, "Go")]),
    (COLD["10 MB"], Link(60, 50, 1), 3, [(1, "Go")]),
    (COLD["10 MB"], Link(300, 50, 0), 3, [(1, "Go")]),
]


def selection():
    if CHECK:
        quick = [scene for scene in SCENES if scene is not AGAIN]
        lossy = [scene for scene in quick if scene.count * scene.size < 5 * MB]
        return [(scene, Link(20, 50, loss), 1, []) for loss, scenes in ((0, quick), (1, lossy)) for scene in scenes]
    links = os.environ.get("BENCH_LINK", "")
    if not links:
        return SELECTION
    if links == "all":
        grid = [Link(*of) for of in itertools.product((20, 100, 300), (2, 10, 50), (0, 1))]
    else:
        grid = [Link(*map(float if "." in link else int, link.split("/"))) for link in links.split()]
    return [(scene, link, 5 if link.loss else 3, []) for link in grid for scene in SCENES]


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


class Helper:
    """A program that answers each line with a line."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline()

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def connect_namespaces():
    emulator = Helper(BUILD / "link", NEAR, FAR)
    if emulator.first != "ready\n":
        sys.exit("the link cannot be made")
    for here, there in ((NEAR, FAR), (FAR, NEAR)):
        ip("-n", here, "address", "add", ADDRESS[here], "dev", "link")
        ip("-n", here, "link", "set", "dev", "link", "up", "txqueuelen", "10000")
        # The congestion control that most systems have, and nothing that a connection learns helps or harms the next.
        ip("-n", here, "route", "add", ADDRESS[there], "dev", "link", "congctl", "cubic")
        subprocess.run(inside(here, "sysctl", "-q", "-w", "net.ipv4.tcp_no_metrics_save=1"), check=True)
    return emulator


def measure(scene, name, link, seed, files):
    """Seconds of one run, which counts only if all that it should send arrived, byte for byte, and nothing else."""
    emulator.ask(f"{link.round_trip} {link.rate} {link.loss} {link.queue()} {seed}")
    environment = {"PATH": os.environ["PATH"], "LINQ_API_V3_BASE_URL": hosts[0], "LINQ_API_V3_API_KEY": KEY,
                   "SSL_CERT_FILE": str(BUILD / "certificate.pem"), "SSL_CERT_DIR": str(BUILD / "none")}
    command = scene.programs[name](files)
    says = scene.says and command[0] != BUILD / "upload-go" or "-again" in command
    if not says:
        command = [BUILD / "measure", *command]
    done = subprocess.run(inside(NEAR, *command), env=environment, stdout=subprocess.PIPE, text=True)
    words = done.stdout.split()
    status = done.returncode or (0 if says else int(words[3]))
    seen = json.loads(sink.ask("hash"))
    expected = sorted([file.name, file.stat().st_size, hashes[file]] for file in files)
    if status != 0 or sorted(seen["puts"]) != expected:
        seen["puts"] = seen["puts"][:3]
        sys.exit(f"\n{name}, {scene.name}, {link}: did not deliver {expected[:3]}...; status {status}, the sink saw {seen}")
    return float(words[0])


def write_files(folder):
    def write(size, number):
        file = folder / f"{size}-{number:03}.txt"
        line = f"{hashlib.sha256(file.name.encode()).hexdigest()} is what {file.name} says, again and again\n"
        file.write_text((line * (size // len(line) + 1))[:size])
        hashes[file] = hashlib.sha256(file.read_bytes()).hexdigest()
        return file

    return {scene.name: [write(scene.size, i) for i in range(scene.count)] for scene in SCENES}


def seconds(value):
    return f"{value:.2f} s"


def row(scene, link, results, targets):
    """The medians, and liblinq's ratio to each of the others in the same round."""
    own = results["liblinq"]
    floor = link.floor(1 if scene is AGAIN else scene.count, scene.size, scene.trips)
    ratios = {name: median(a / b for a, b in zip(own, of)) for name, of in results.items()}
    ratios["floor"] = median(own) / floor
    verdicts = [f"{limit:.2f} of {peer}: " + ("met" if ratios[peer] <= limit else "MISSED") for limit, peer in targets]
    peers = [f"{name} {seconds(median(of))} ({ratios[name]:.2f})" for name, of in results.items() if name != "liblinq"]
    cells = [scene.name, str(link), seconds(median(own)), f"{seconds(floor)} ({ratios['floor']:.2f})", "; ".join(peers),
             "; ".join(verdicts)]
    print("| " + " | ".join(cells) + " |", flush=True)


def measure_all():
    print("| files | link | liblinq | floor | others | target |\n|---|---|---|---|---|---|", flush=True)
    for scene, link, rounds, targets in selection():
        results = {name: [] for name in scene.programs}
        for round in range(rounds):
            # In one round, the same packets are lost to all of them; not the same from round to round.
            for name in results:
                results[name].append(measure(scene, name, link, round, files[scene.name]))
        row(scene, link, results, targets)


(BUILD / "none").mkdir(exist_ok=True)
folder, hashes = Path(tempfile.mkdtemp(dir=BUILD)), {}
start, load = time.monotonic(), os.getloadavg()[0]
emulator = connect_namespaces()
sink = Helper(*inside(FAR, BUILD / "sink", BUILD / "certificate.pem", BUILD / "key.pem", ADDRESS[FAR]))
hosts = json.loads(sink.first)["tls"]
try:
    files = write_files(folder)
    sink.ask("hash")
    measure_all()
finally:
    sink.end()
    emulator.end()
    shutil.rmtree(folder)
if CHECK:
    print("everything arrived, byte for byte")
else:
    print(f"\n{time.strftime('%Y-%m-%d')}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after, "
          f"in {time.monotonic() - start:.0f} s; in brackets: liblinq / this, the median over the rounds")
