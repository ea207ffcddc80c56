"""Floods a UDP port with garbage, STUN requests with guessed tokens and beginnings of QUIC; counts answers.

Забрасывает порт UDP мусором, вопросами STUN с угаданными словами и началами QUIC; считает ответы.
"""
import os
import socket
import sys
import time

ROUNDS = 20000

goal = (sys.argv[1], int(sys.argv[2]))
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.setblocking(False)
heard = 0
sent = 0
for number in range(ROUNDS):
    noise = os.urandom(200)
    stun = bytes.fromhex("000100002112a442") + os.urandom(12)
    # A long header of QUIC version 1 with invented connection ids, and of a version nobody knows.
    version = b"\x00\x00\x00\x01" if number % 2 else b"\xfa\xce\xb0\x0c"
    quic = b"\xc3" + version + b"\x08" + os.urandom(8) + b"\x08" + os.urandom(8) + os.urandom(1180)
    for packet in (noise, stun, quic):
        try:
            own.sendto(packet, goal)
        except BlockingIOError:
            pass
        sent += 1
    try:
        while own.recv(2048):
            heard += 1
    except BlockingIOError:
        pass
time.sleep(0.5)
try:
    while own.recv(2048):
        heard += 1
except BlockingIOError:
    pass
print(f"sent {sent} heard {heard}")
