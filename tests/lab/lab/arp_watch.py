"""Asks the LAN for an address all the time and notes who answers, and when. Runs on the client:

    arp_watch.py DEVICE ADDRESS OWN_ADDRESS INTERVAL_MS

One line for each answer: the CLOCK_MONOTONIC time in seconds, the link-layer address, and the number
of the request that was sent last.
"""
import select
import socket
import struct
import sys
import time

ETH_P_ARP = 0x0806


def request(mac, own, address):
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + own + bytes(6) + address
    return b"\xff" * 6 + mac + struct.pack("!H", ETH_P_ARP) + arp


def main():
    device, address, own, interval = sys.argv[1], *map(socket.inet_aton, sys.argv[2:4]), float(sys.argv[4]) / 1000
    watch = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
    watch.bind((device, ETH_P_ARP))
    frame = request(watch.getsockname()[4], own, address)
    number, due = 0, time.monotonic()
    while True:
        wait = due - time.monotonic()
        if wait <= 0:
            number += 1
            watch.send(frame)
            due = max(due + interval, time.monotonic())
            continue
        if not select.select([watch], [], [], wait)[0]:
            continue
        answer = watch.recv(2048)
        # A reply to us, not an announcement.
        if len(answer) >= 42 and answer[20:22] == b"\0\x02" and answer[28:32] == address and answer[38:42] == own:
            print(f"{time.monotonic():.6f} {answer[22:28].hex(':')} {number}", flush=True)


if __name__ == "__main__":
    main()
