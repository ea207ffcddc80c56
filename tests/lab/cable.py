"""A slow cable: two TAP devices of this namespace; what enters one comes out of the other, later or never.

cable.py IF_A IF_B DELAY_MS JITTER_MS LOSS_PERCENT. Frames keep their order; a queue over LIMIT frames drops new ones.
Медленный кабель: что вошло в одно устройство, выходит из другого с задержкой или теряется; порядок сохраняется.
"""
import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF, IFF_TAP_NO_PI = 0x400454CA, 0x1002
LIMIT = 4000


def tap(name):
    """Открывает устройство TAP с этим именем."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP_NO_PI))
    return device


def main():
    """Носит кадры в обе стороны, пока не прекратят."""
    delay, jitter, loss = (float(word) for word in sys.argv[3:6])
    one, other = tap(sys.argv[1]), tap(sys.argv[2])
    ways = {one: (other, deque()), other: (one, deque())}
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        wait = 1.0
        for to, queue in ways.values():
            while queue and queue[0][0] <= now:
                try:
                    os.write(to, queue.popleft()[1])
                except OSError:
                    pass  # устройство опущено: кадр пропал, как в настоящем кабеле
            if queue:
                wait = min(wait, queue[0][0] - now)
        for device in select.select([one, other], [], [], wait)[0]:
            queue = ways[device][1]
            try:
                frame = os.read(device, 65536)
            except OSError:
                continue
            if random.random() * 100 < loss or len(queue) >= LIMIT:
                continue
            due = time.monotonic() + max(0.0, delay + random.uniform(-jitter, jitter)) / 1000
            if queue:
                due = max(due, queue[-1][0])
            queue.append((due, frame))


main()
