"""A long line between browser and far end, where netem is not available: real TCP, our own wire.

There are two network namespaces with a TUN device each. A process passes packets between them, with
a delay, one rate upwards, and a router's queue that drops packets when it is full. It needs root
(Linux). In the browser, 127.0.0.1 is this process. Must not know TCP: that is the kernel's.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
TUN_WITHOUT_HEADER = 0x0001 | 0x1000
LARGEST_PACKET = 2048
CONGESTION_CONTROL = "cubic"
"""The usual setting of desktop systems, whatever this kernel's default is."""
PAYLOAD = 1448 / 1500
"""Payload of a full packet, without IP and TCP headers."""
NEAR, FAR = "10.9.8.1", "10.9.8.2"


@dataclass(slots=True)
class Way:
    """One direction: `rate` bytes a second (None: any), `delay` seconds, `queue` bytes."""

    into: int
    delay: float
    rate: float | None = None
    queue: float = 0
    _free_at: float = 0
    _packets: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, packet: bytes, now: float) -> None:
        """Queue a packet; it is dropped if the queue is full."""
        leaves = now
        if self.rate:
            waiting = max(0, self._free_at - now)
            if waiting * self.rate > self.queue:
                return
            leaves = self._free_at = now + waiting + len(packet) / self.rate
        self._packets.append((leaves + self.delay, packet))

    def give(self, now: float) -> float:
        """Send the packets that are due; returns the time of the next one."""
        while self._packets and self._packets[0][0] <= now:
            with contextlib.suppress(OSError):  # the far end's device is full: the packet is lost
                os.write(self.into, self._packets.popleft()[1])
        return self._packets[0][0] if self._packets else now + 1


@contextlib.contextmanager
def long_line(*, rate: float, round_trip: float) -> Iterator[int]:
    """Make this process the far end; yields the descriptor of the near namespace."""
    _allow(CONGESTION_CONTROL)
    _leave_network()
    far = _device(FAR, peer=NEAR)
    _configure("ip link set lo up")
    near_namespace, near = _in_new_namespace()
    wire = get_context("fork").Process(target=_carry, args=(near, far, rate, round_trip))
    wire.start()
    try:
        yield near_namespace
    finally:
        wire.terminate()
        wire.join()


def enter(namespace: int) -> None:
    """Move this thread, and its children, into a namespace (Python 3.12 has os.setns)."""
    if ctypes.CDLL(None).setns(namespace, CLONE_NEWNET):
        raise OSError("setns")


def _allow(congestion_control: str) -> None:
    """Allow an algorithm on this machine, for the namespaces; it stays allowed."""
    allowed = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
    if congestion_control not in (names := allowed.read_text().split()):
        allowed.write_text(" ".join([*names, congestion_control]))


def _leave_network() -> None:
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        raise SystemExit("A network namespace of our own is needed: run as root, on Linux")


def _in_new_namespace() -> tuple[int, int]:
    """A namespace whose 127.0.0.1 is across the line: its descriptor, and that of its device."""
    descriptors: list[int] = []

    def make() -> None:
        _leave_network()
        descriptors.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        descriptors.append(_device(NEAR, peer=FAR))
        _configure("ip route add 127.0.0.0/8 dev line")

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    namespace, device = descriptors
    return namespace, device


def _device(address: str, *, peer: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"line", TUN_WITHOUT_HEADER))
    _configure(f"ip address add {address} peer {peer} dev line")
    _configure("ip link set line up txqueuelen 10000")
    _configure("sysctl -qw net.ipv4.conf.line.route_localnet=1")
    _configure(f"sysctl -qw net.ipv4.tcp_congestion_control={CONGESTION_CONTROL}")
    return device


def _configure(command: str) -> None:
    subprocess.run(command.split(), check=True)


def _carry(near: int, far: int, rate: float, round_trip: float) -> None:
    up = Way(far, round_trip / 2, rate, queue=rate * round_trip)
    ways = {near: up, far: Way(near, round_trip / 2)}
    soon = 0.0
    while True:
        ready, _, _ = select.select(list(ways), [], [], max(0, soon))
        now = time.monotonic()
        for device in ready:
            with contextlib.suppress(BlockingIOError):
                while True:
                    ways[device].take(os.read(device, LARGEST_PACKET), now)
        soon = min(way.give(time.monotonic()) for way in ways.values()) - time.monotonic()
