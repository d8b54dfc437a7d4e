"""A peer in Python, by the TLS of its standard library (3.13 or later): peer.py dial|listen IDENTITY KEY [PORT]

`dial` sends a line and prints the answer. `listen` prints its port and echoes what it receives, for each connection.
"""

import socket
import ssl
import sys

command, identity, key = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
side = ssl.PROTOCOL_TLS_CLIENT if command == "dial" else ssl.PROTOCOL_TLS_SERVER
context = ssl.SSLContext(side)
context.minimum_version = ssl.TLSVersion.TLSv1_3


def dial(port):
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_psk_client_callback(lambda hint: (identity, key))
    with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw) as tls:
        tls.sendall(b"hello\n")
        print(tls.recv(100).decode())


def listen():
    context.set_psk_server_callback(lambda shown: key if shown == identity else b"")
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(f"listening on port {server.getsockname()[1]}", flush=True)
        while True:
            raw, _ = server.accept()
            with raw:
                try:
                    with context.wrap_socket(raw, server_side=True) as tls:
                        tls.sendall(tls.recv(100))
                        tls.recv(100)
                except OSError:
                    pass  # The dialer sees the failure.


if command == "dial":
    dial(int(sys.argv[4]))
else:
    listen()
