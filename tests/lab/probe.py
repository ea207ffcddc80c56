"""A UDP socket worked by lines: probe.py ADDRESS PORT, then `send HOST PORT TEXT` or `take MILLISECONDS`.

Answers `sent`, `got HOST PORT TEXT`, `none` or `error REASON`; its first line is `ready PORT`.
Гнездо UDP, которым управляют строками: послать или взять пришедшее, дождавшись его не дольше срока.
"""
import socket
import sys


def main():
    """Выполняет строки одну за другой, на каждую отвечает одной строкой."""
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    door = socket.socket(family, socket.SOCK_DGRAM)
    door.bind((sys.argv[1], int(sys.argv[2])))
    print("ready", door.getsockname()[1], flush=True)
    for line in sys.stdin:
        words = line.rstrip("\n").split(" ", 3)
        try:
            if words[0] == "send":
                door.sendto(words[3].encode(), (words[1], int(words[2])))
                answer = "sent"
            else:
                door.settimeout(int(words[1]) / 1000)
                text, place = door.recvfrom(2048)
                answer = f"got {place[0]} {place[1]} {text.decode()}"
        except socket.timeout:
            answer = "none"
        except OSError as error:
            answer = f"error {error}"
        print(answer, flush=True)


main()
