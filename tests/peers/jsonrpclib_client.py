"""Calls the methods of the JSON-RPC specification's examples through jsonrpclib-pelix. Prints a line for each."""

import json
import sys

import jsonrpclib

server = jsonrpclib.ServerProxy(sys.argv[1])


def say(*words):
    print(json.dumps(words), flush=True)


say("positional", server.subtract(42, 23), server.subtract(23, 42))
say("named", server.subtract(subtrahend=23, minuend=42), server.subtract(minuend=42, subtrahend=23))
say("notification", server._notify.update(1, 2, 3, 4, 5))
try:
    server.foobar()
except jsonrpclib.ProtocolError as error:
    say("unknown", error.args[0][0])
batch = jsonrpclib.MultiCall(server)
batch.sum(1, 2, 4)
batch._notify.notify_hello(7)
batch.subtract(42, 23)
batch.get_data()
say("batch", list(batch()))
batch = jsonrpclib.MultiCall(server)
batch._notify.notify_sum(1, 2, 4)
batch._notify.notify_hello(7)
say("notifications", list(batch() or []))
